/**
 * The objects of rtnetlink (include/uapi/linux/rtnetlink.h). `first` is RTM_NEW…, followed by RTM_DEL… and RTM_GET….
 * `header`: length of the structure before the attributes, zeros for a full dump. `groups`: RTNLGRP_… of its changes.
 */
export const routeObjects = {
  link: { name: 'LINK', first: 16, header: 16, groups: [1] },
  address: { name: 'ADDR', first: 20, header: 8, groups: [5, 9] },
  route: { name: 'ROUTE', first: 24, header: 12, groups: [7, 11] },
  rule: { name: 'RULE', first: 32, header: 12, groups: [8, 19] },
  nexthop: { name: 'NEXTHOP', first: 104, header: 8, groups: [32] },
} as const;
export type RouteEventKind = keyof typeof routeObjects;
