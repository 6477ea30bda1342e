/**
 * Sets of the program ipset: include/uapi/linux/netfilter/ipset/ip_set.h. The kernel itself says whether an element is in a set
 * (IPSET_CMD_TEST). Numbers are in network byte order, which each attribute of data says of itself.
 */
import { addressBytes, type IpAddress, isIpv6 } from '../../net/address.ts';
import { type Codec, NLA_F_NESTED, nest, string, u8, writeAttribute } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Rejected } from '../errors.ts';
import { NFGENMSG, NLM_F_ACK, writeNfgenmsg } from '../messages.ts';

const NFNL_SUBSYS_IPSET = 6;
const PROTOCOL = 7;
const COMMANDS = { LIST: 7, TEST: 11, HEADER: 12, GET_BYINDEX: 15 } as const;
/** IPSET_ERR_EXIST of ip_set.h: the element is not in the set. */
const NOT_IN_SET = 'E4103';

const ATTR = { PROTOCOL: 1, SETNAME: 2, DATA: 7, INDEX: 11 } as const;
/** Attributes within IPSET_ATTR_DATA. */
const DATA = { IP: 1, PORT: 4, PROTO: 7, IP2: 20, IFACE: 23 } as const;
const NLA_F_NET_BYTEORDER = 0x4000;
const NFPROTO = { IPv4: 2, IPv6: 10 } as const;

const answerAttributes = nest({
  name: [2, 'IPSET_ATTR_SETNAME', string],
  type: [3, 'IPSET_ATTR_TYPENAME', string],
  family: [5, 'IPSET_ATTR_FAMILY', u8],
});

/** One element, by the dimensions of the set. */
export interface IpSetElement {
  readonly address?: IpAddress;
  readonly protocol?: number;
  readonly port?: number;
  readonly secondAddress?: IpAddress;
  readonly interfaceName?: string;
}

export class IpSetConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_NETFILTER');
  }

  /** Throws Rejected for a set that does not exist. */
  nameOf(index: number): string | null {
    const write = (writer: ByteWriter) => {
      const start = writer.open(ATTR.INDEX | NLA_F_NET_BYTEORDER);
      writer.net16(index);
      writer.close(start);
    };
    return this.#ask('GET_BYINDEX', write)?.name ?? null;
  }

  /** `hash:ip,port`, and the family of its addresses; null without one. Throws Rejected. */
  typeOf(name: string): { readonly type: string; readonly family: 'IPv4' | 'IPv6' | null } | null {
    const found = this.#ask('HEADER', (writer) => writeAttribute(writer, ATTR.SETNAME, string, name));
    if (found?.type === undefined) return null;
    return { type: found.type, family: found.family === 2 ? 'IPv4' : found.family === 10 ? 'IPv6' : null };
  }

  has(name: string, element: IpSetElement): boolean {
    try {
      this.#ask('TEST', (writer) => {
        writeAttribute(writer, ATTR.SETNAME, string, name);
        const start = writer.open(ATTR.DATA | NLA_F_NESTED);
        writeElement(writer, element);
        writer.close(start);
      });
      return true;
    } catch (error) {
      if (error instanceof Rejected && error.errno === NOT_IN_SET) return false;
      throw error;
    }
  }

  #ask(command: keyof typeof COMMANDS, write: (writer: ByteWriter) => void) {
    const asked: Asked = {
      type: (NFNL_SUBSYS_IPSET << 8) | COMMANDS[command],
      flags: NLM_F_ACK,
      subject: `IPSET_CMD_${command}`,
      write: (writer) => {
        writeNfgenmsg(writer, NFPROTO.IPv4);
        writeAttribute(writer, ATTR.PROTOCOL, u8, PROTOCOL);
        write(writer);
      },
    };
    const [found] = this.collect(asked, ({ bytes, start, end }) =>
      answerAttributes.read(bytes, start + NFGENMSG, end, 'ipset'),
    );
    return found;
  }
}

function writeElement(
  writer: ByteWriter,
  { address, secondAddress, protocol, port, interfaceName }: IpSetElement,
): void {
  if (address !== undefined) writeAddress(writer, DATA.IP, address);
  if (port !== undefined) {
    const start = writer.open(DATA.PORT | NLA_F_NET_BYTEORDER);
    writer.net16(port);
    writer.close(start);
  }
  if (protocol !== undefined) writeAttribute(writer, DATA.PROTO, u8, protocol);
  if (secondAddress !== undefined) writeAddress(writer, DATA.IP2, secondAddress);
  if (interfaceName !== undefined) writeAttribute(writer, DATA.IFACE, string, interfaceName);
}

function writeAddress(writer: ByteWriter, attribute: number, address: IpAddress): void {
  const start = writer.open(attribute | NLA_F_NESTED);
  const raw: Codec<Uint8Array> = { read: (bytes) => bytes, write: (into, value) => into.raw(value) };
  writeAttribute(writer, (isIpv6(address) ? 2 : 1) | NLA_F_NET_BYTEORDER, raw, addressBytes(address));
  writer.close(start);
}
