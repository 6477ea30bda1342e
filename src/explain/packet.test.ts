import { expect, test } from 'vitest';
import { parseFlow } from './packet.ts';

const good = { sourceIP: '10.0.0.2', protocol: 'TCP', destIP: '172.30.0.41', destPort: 80 };

test('reads a flow in canonical form and ignores other keys', () => {
  expect(parseFlow({ ...good, verdict: 'dnat', name: 'x' })).toEqual({
    source: '10.0.0.2',
    protocol: 'TCP',
    destination: '172.30.0.41',
    port: 80,
  });
  expect(
    parseFlow({ sourceIP: 'FD00:0::2', protocol: 'udp', destIP: '2001:DB8::0:1', destPort: 53 }),
  ).toEqual({ source: 'fd00::2', protocol: 'UDP', destination: '2001:db8::1', port: 53 });
});

test.each([
  [[good], 'a flow is an object'],
  [null, 'a flow is an object'],
  [{ ...good, sourceIP: undefined }, 'sourceIP: nothing is no IP address'],
  [{ ...good, destIP: '10.0.0.256' }, 'destIP: "10.0.0.256" is no IP address'],
  [{ ...good, destIP: 'fd00::1' }, 'destIP: fd00::1 is IPv6, but sourceIP 10.0.0.2 is IPv4'],
  [{ ...good, protocol: 'ICMP' }, 'protocol: "ICMP" is none of TCP, UDP, SCTP'],
  [{ ...good, destPort: '80' }, 'destPort: "80" is no port from 1 to 65535'],
  [{ ...good, destPort: 0 }, 'destPort: 0 is no port from 1 to 65535'],
])('says what is wrong with %j', (flow, expected) => {
  expect(parseFlow(flow)).toBe(expected);
});
