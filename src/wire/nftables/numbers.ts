/** Shared numbers of include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h. */

export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNLGRP_NFTABLES = 7;
export const NFNLGRP_NFTRACE = 9;

/** `enum nf_tables_msg_types` */
export const nftMessages = {
  NFT_MSG_NEWTABLE: 0,
  NFT_MSG_GETTABLE: 1,
  NFT_MSG_DELTABLE: 2,
  NFT_MSG_NEWCHAIN: 3,
  NFT_MSG_GETCHAIN: 4,
  NFT_MSG_DELCHAIN: 5,
  NFT_MSG_NEWRULE: 6,
  NFT_MSG_GETRULE: 7,
  NFT_MSG_DELRULE: 8,
  NFT_MSG_NEWSET: 9,
  NFT_MSG_GETSET: 10,
  NFT_MSG_DELSET: 11,
  NFT_MSG_NEWSETELEM: 12,
  NFT_MSG_GETSETELEM: 13,
  NFT_MSG_DELSETELEM: 14,
  NFT_MSG_NEWGEN: 15,
  NFT_MSG_GETGEN: 16,
  NFT_MSG_TRACE: 17,
  NFT_MSG_NEWOBJ: 18,
  NFT_MSG_GETOBJ: 19,
  NFT_MSG_DELOBJ: 20,
  NFT_MSG_GETOBJ_RESET: 21,
  NFT_MSG_NEWFLOWTABLE: 22,
  NFT_MSG_GETFLOWTABLE: 23,
  NFT_MSG_DELFLOWTABLE: 24,
} as const;
export type NftMessage = keyof typeof nftMessages;

/** The nlmsg_type of an nf_tables message: the subsystem in the high byte. */
export function nftType(message: NftMessage): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | nftMessages[message];
}

/** Named as in nft; numbers: NFPROTO_… of include/uapi/linux/netfilter.h. */
export const nftFamilies = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;
export type NftFamily = keyof typeof nftFamilies;

export function nftFamilyOf(number: number): NftFamily | null {
  return familyNames.get(number) ?? null;
}

const familyNames = new Map(
  Object.entries(nftFamilies).map(([name, number]) => [number as number, name as NftFamily]),
);

/** The message with this number (the low byte of nlmsg_type), or null. */
export function nftMessageOf(number: number): NftMessage | null {
  return messageNames[number] ?? null;
}

const messageNames = Object.keys(nftMessages) as NftMessage[];
