import type { IpAddress } from '../../../net/address.ts';
import type { PassingPacket } from '../../../netfilter/packet.ts';
import type { KernelHost } from '../kernel-host.ts';
import { type Bits, hostBits, knownBits, netBits, unknownBits } from './bits.ts';
import type { Operand } from './operand.ts';
import { ROUTE_TYPES } from './value-text.ts';

/** NFTA_FIB_F_… and `enum nft_fib_result` of nf_tables.h. */
const FLAGS = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, present: 32 } as const;
const RESULT = { oif: 1, oifname: 2, type: 3 } as const;

/** What a rule asks the routes: `fib saddr type`, `fib saddr . iif oif`. */
export function fibField(result: number, flags: number, host: KernelHost): Operand {
  const words = (['saddr', 'daddr', 'mark', 'iif', 'oif'] as const).filter(
    (word) => (flags & FLAGS[word]) !== 0,
  );
  const [name = 'type'] = Object.entries(RESULT).find(([, number]) => number === result) ?? [];
  const text = `fib ${words.join(' . ')} ${name}`;
  const picks = (packet: PassingPacket): IpAddress | null =>
    (flags & FLAGS.daddr) !== 0 ? packet.destination : packet.source;
  if (result === RESULT.type) {
    const read = (packet: PassingPacket): Bits => {
      const address = picks(packet);
      const on = (flags & FLAGS.iif) !== 0 ? packet.input : (flags & FLAGS.oif) !== 0 ? packet.output : null;
      if (on === undefined) return unknownBits(4, 'the interface of the packet');
      // A translated source that is not known is one of the host's own.
      const type = address === null ? 'local' : host.localType(address, on);
      return type === null ? unknownBits(4, text) : hostBits(ROUTE_TYPES.indexOf(type as 'local'));
    };
    return { text, type: 'fib-type', length: 4, read };
  }
  const isName = result === RESULT.oifname;
  const length = (flags & FLAGS.present) !== 0 ? 1 : isName ? 16 : 4;
  const read = (packet: PassingPacket): Bits => {
    const to = (flags & FLAGS.daddr) !== 0 ? { ...packet, source: packet.destination } : packet;
    const limit = (flags & FLAGS.oif) !== 0 ? packet.output : (flags & FLAGS.iif) !== 0 ? packet.input : null;
    const found = host.reverseInterfaces(to, (flags & FLAGS.mark) !== 0);
    if (found === null || limit === undefined) return unknownBits(length, `the route: ${text}`);
    const index = limit === null ? found[0] : found.find((one) => one === limit.index);
    if ((flags & FLAGS.present) !== 0) return netBits(index === undefined ? 0 : 1, 1);
    if (!isName) return hostBits(index ?? 0);
    const bytes = new Uint8Array(16);
    const found16 = index === undefined ? '' : (host.interfaceAt(index)?.name ?? '');
    new TextEncoder().encodeInto(found16, bytes.subarray(0, 15));
    return knownBits(bytes);
  };
  return { text, type: isName ? 'name' : 'number', length, read };
}
