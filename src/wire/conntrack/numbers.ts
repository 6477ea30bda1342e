/** Numbers of include/uapi/linux/netfilter/nfnetlink_conntrack.h and nfnetlink.h: the subsystem is the high byte. */
const NFNL_SUBSYS_CTNETLINK = 1 << 8;
export const IPCTNL_MSG_CT_NEW = NFNL_SUBSYS_CTNETLINK | 0;
export const IPCTNL_MSG_CT_GET = NFNL_SUBSYS_CTNETLINK | 1;
export const IPCTNL_MSG_CT_DELETE = NFNL_SUBSYS_CTNETLINK | 2;

/** The multicast group of each kind of event. */
export const conntrackGroups = {
  new: 1, // NFNLGRP_CONNTRACK_NEW
  update: 2, // NFNLGRP_CONNTRACK_UPDATE
  destroy: 3, // NFNLGRP_CONNTRACK_DESTROY
} as const;
export type ConntrackEventKind = keyof typeof conntrackGroups;
