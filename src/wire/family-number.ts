import { FAMILIES, type Family } from '../net/family.ts';

/** AF_INET and AF_INET6 (include/linux/socket.h), as netlink messages name the families. */
export const familyNumber = { IPv4: 2, IPv6: 10 } as const satisfies Record<Family, number>;

/** The IP family with this number, or null. */
export function familyOfNumber(number: number): Family | null {
  return FAMILIES.find((family) => familyNumber[family] === number) ?? null;
}
