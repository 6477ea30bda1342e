import { familyOf } from '../../net/address.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { PassingPacket } from '../../netfilter/packet.ts';
import type { Truth } from '../../netfilter/truth.ts';
import { Busy, Denied, Rejected, Unsupported } from '../../wire/errors.ts';
import { IpSetConnection, type IpSetElement } from '../../wire/ipset/connection.ts';
import type { IpSets } from './kernel-host.ts';

const UNREADABLE = 'an ipset that cannot be read';

type Draft = { -readonly [Key in keyof IpSetElement]: IpSetElement[Key] };

/** Asks the kernel of this network namespace; opens its connection with the first question. */
export class KernelIpSets implements IpSets {
  #connection: IpSetConnection | null = null;
  readonly #names = new Map<number, string | null>();

  nameOf(index: number): string | null {
    let name = this.#names.get(index);
    if (name === undefined) {
      name = orNull(() => this.#open().nameOf(index));
      this.#names.set(index, name);
    }
    return name;
  }

  has(name: string, directions: readonly boolean[], packet: PassingPacket): Truth {
    const found = orNull(() => this.#open().typeOf(name));
    if (found === null) return UNREADABLE;
    const { type, family } = found;
    if (family !== null && family !== packet.family) return false;
    const element = elementOf(type, directions, packet);
    if (typeof element === 'string') return element;
    return orNull(() => this.#open().has(name, element)) ?? UNREADABLE;
  }

  close(): void {
    this.#connection?.retire();
  }

  #open(): IpSetConnection {
    this.#connection ??= new IpSetConnection();
    return this.#connection;
  }
}

/** The packet as an element of a set of this type (`hash:ip,port`); a text: what it depends on. */
function elementOf(
  type: string,
  directions: readonly boolean[],
  packet: PassingPacket,
): IpSetElement | string {
  const dimensions = type.split(':')[1]?.split(',') ?? [];
  const element: Draft = {};
  for (const [at, dimension] of dimensions.entries()) {
    const isSource = directions[at] ?? false;
    switch (dimension) {
      case 'ip':
      case 'net': {
        const address = isSource ? packet.source : packet.destination;
        if (address === null) return 'the source address after translation';
        if (familyOf(address) !== packet.family) return UNREADABLE;
        if (element.address === undefined) element.address = address;
        else element.secondAddress = address;
        break;
      }
      case 'port': {
        if (packet.icmp !== undefined) {
          // ip_set_get_ip4_port: type and code stand for the port, in both directions.
          if (packet.icmp.code === null) return 'the code of the ICMP packet';
          if (type.startsWith('bitmap')) return `an ipset of type ${type}`;
          element.port = (packet.icmp.type << 8) | packet.icmp.code;
          element.protocol = protocolNumber[packet.protocol];
          break;
        }
        const port = isSource ? packet.sourcePort : packet.port;
        if (port === null) return `the ${isSource ? 'source' : 'destination'} port`;
        element.port = port;
        // A bitmap has ports alone.
        if (!type.startsWith('bitmap')) element.protocol = protocolNumber[packet.protocol];
        break;
      }
      case 'iface': {
        const name = (isSource ? packet.input : packet.output)?.name;
        if (name === undefined) return 'the interface of the packet';
        element.interfaceName = name;
        break;
      }
      default:
        return `an ipset of type ${type}`;
    }
  }
  return element;
}

function orNull<Found>(ask: () => Found): Found | null {
  try {
    return ask();
  } catch (error) {
    if (
      error instanceof Rejected ||
      error instanceof Denied ||
      error instanceof Unsupported ||
      error instanceof Busy
    )
      return null;
    throw error;
  }
}
