import { expect, test } from 'vitest';
import { ip } from '../../../../test/generators/build.ts';
import type { PassingPacket } from '../../../netfilter/packet.ts';
import { payloadField } from './header-fields.ts';

const packet: PassingPacket = {
  ...{
    family: 'IPv4',
    protocol: 'TCP',
    source: ip('10.0.0.1'),
    sourcePort: 258,
    destination: ip('10.0.0.2'),
    port: 80,
  },
  ...{ isLocal: false, input: null, output: null, tracking: 'tracked' },
  ...{ mark: { value: 0, known: 0 }, connectionMark: { value: 0, known: 0 } },
  original: { source: ip('10.0.0.1'), sourcePort: 258, destination: ip('10.0.0.2'), port: 80 },
  isDecided: { destination: true, source: true },
};
const ping: PassingPacket = {
  ...{ ...packet, protocol: 'ICMP', sourcePort: null, port: null },
  icmp: { type: 8, code: null, isError: false },
};

const [NETWORK, TRANSPORT] = [1, 2];

test.each([
  ['ip saddr', NETWORK, 12, 4, packet, [10, 0, 0, 1]],
  ['ip saddr', NETWORK, 12, 3, packet, [10, 0, 0]],
  ['both addresses in one load', NETWORK, 12, 8, packet, [10, 0, 0, 1, 10, 0, 0, 2]],
  ['both ports in one load', TRANSPORT, 0, 4, packet, [1, 2, 0, 80]],
  ['the type', TRANSPORT, 0, 1, ping, [8]],
  ['ip protocol', NETWORK, 9, 1, ping, [1]],
] as const)('%s is known', (_, base, offset, length, of, bytes) => {
  const bits = payloadField(base, offset, length, 'IPv4').read(of);
  expect({ bytes: [...(bits?.bytes ?? [])], known: bits?.known }).toEqual({ bytes, known: null });
});

test.each([
  ['the source port of a ping', TRANSPORT, 0, 2, ping, 'the code of the ICMP packet', [255, 0]],
  ['the identifier of a ping', TRANSPORT, 4, 2, ping, 'the bytes @th,32,16 of the packet', [0, 0]],
  ['the port of a ping', TRANSPORT, 2, 2, ping, 'the bytes th dport of the packet', [0, 0]],
  ['the TTL', NETWORK, 8, 1, packet, 'the bytes @nh,64,8 of the packet', [0]],
  [
    'an unknown source port',
    TRANSPORT,
    0,
    4,
    { ...packet, sourcePort: null },
    'the source port',
    [0, 0, 255, 255],
  ],
  [
    'the flags of a segment that is not the first',
    TRANSPORT,
    13,
    1,
    { ...packet, connection: { ...ends(), state: 'established', direction: 'reply', protocol: 'TCP' } },
    'the flags of the segment',
    [0],
  ],
] as const)('%s is not', (_, base, offset, length, of, why, known) => {
  const bits = payloadField(base, offset, length, 'IPv4').read(of);
  expect({ why: bits?.why, known: [...(bits?.known ?? [])] }).toEqual({ why, known });
});

function ends() {
  return { original: packet.original, reply: packet.original };
}
