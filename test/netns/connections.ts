import { NetlinkSocket } from '../../src/wire/socket.ts';

/** include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h, netlink.h */
const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

/** Forgets every tracked connection of the namespace of this process. */
export function forgetConnections(): void {
  const message = new DataView(new ArrayBuffer(20)); // struct nlmsghdr, struct nfgenmsg: no tuple means all
  message.setUint32(0, message.byteLength, true);
  message.setUint16(4, (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE, true);
  message.setUint16(6, NLM_F_REQUEST | NLM_F_ACK, true);
  const socket = NetlinkSocket.open('NETLINK_NETFILTER');
  try {
    socket.send(new Uint8Array(message.buffer));
    const answer = socket.receive();
    if (typeof answer === 'string') throw new Error(`conntrack flush: ${answer}`);
    const error = new DataView(answer.buffer, answer.byteOffset).getInt32(16, true);
    if (error !== 0) throw new Error(`conntrack flush: errno ${-error}`);
  } finally {
    socket.close();
  }
}
