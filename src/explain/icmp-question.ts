import type { PacketQuestion } from '../forms/questions.ts';
import { familyOf, formatEndpoint } from '../net/address.ts';
import { NO_PORT } from '../net/port.ts';
import { parseProtocol } from '../net/protocol.ts';
import { ICMP_ECHOES, ICMP_ERRORS, type Icmp, type InnerPacket } from './icmp.ts';
import type { Packet } from './packet.ts';
import type { NamedFacts, Place } from './place.ts';
import { findEnd, pairOf, readPort } from './question-ends.ts';

/** True if the question is about ICMP: by `icmp`, or by `proto` icmp or icmpv6, which mean an echo request. */
export function asksIcmp({ icmp, proto }: PacketQuestion): boolean {
  return icmp !== undefined || /^icmp(v6)?$/i.test(proto ?? '');
}

/** As `packetOfQuestion`, for ICMP. */
export function icmpPacketOf(question: PacketQuestion, facts: NamedFacts): Packet | string {
  const { proto, port, interface: inputInterface } = question;
  if (proto !== undefined && !/^icmp(v6)?$/i.test(proto)) return `proto: ${proto} is not icmp: leave it out`;
  const icmp = icmpOf(question, facts);
  if (typeof icmp === 'string') return icmp;
  const from = findEnd('from', question.from, facts);
  if (typeof from === 'string') return from;
  const to = destinationOf(question, icmp, facts);
  if (typeof to === 'string') return to;
  if (from.service !== null) return 'from: a Service sends no packets; name a Pod, a Node or an address';
  if (from.port !== null || to.port !== null || port !== undefined)
    return 'port: ICMP has no ports; leave it out';
  const pair = pairOf(from, to, question);
  if (typeof pair === 'string') return pair;
  const protocol = familyOf(pair.destination) === 'IPv4' ? 'ICMP' : 'ICMPv6';
  const by = inputInterface === undefined ? {} : { inputInterface };
  return { ...pair, protocol, port: NO_PORT, icmp, ...by };
}

function icmpOf(question: PacketQuestion, facts: NamedFacts): Icmp | string {
  const wanted = question.icmp ?? 'echo-request';
  const echo = ICMP_ECHOES.find((kind) => kind === wanted);
  const { innerFrom, innerTo, innerProto } = question;
  if (echo !== undefined) {
    const inner = [innerFrom, innerTo, innerProto].some((given) => given !== undefined);
    return inner ? `innerFrom: only an error has a packet inside, and ${wanted} is none` : { kind: echo };
  }
  const error = ICMP_ERRORS.find((kind) => kind === wanted);
  if (error === undefined) {
    return `icmp: "${wanted}" is none of ${[...ICMP_ECHOES, ...ICMP_ERRORS].join(', ')}`;
  }
  const inner = innerOf(question, facts);
  return typeof inner === 'string' ? inner : { kind: error, inner };
}

function innerOf(question: PacketQuestion, facts: NamedFacts): InnerPacket | string {
  const from = findEnd('innerFrom', question.innerFrom, facts);
  if (typeof from === 'string') return from;
  const to = findEnd('innerTo', question.innerTo, facts);
  if (typeof to === 'string') return to;
  const pair = pairOf(from, to, question);
  if (typeof pair === 'string') return `innerTo: ${pair}`;
  const sourcePort = from.port === null ? null : readPort(from.port);
  if (sourcePort === null) return 'innerFrom: write the port too, as ADDRESS:PORT; it tells the connection';
  const port = to.port === null ? null : readPort(to.port);
  if (port === null) return 'innerTo: write the port too, as ADDRESS:PORT; it tells the connection';
  const protocol = parseProtocol(question.innerProto ?? 'tcp');
  if (protocol === null) return `innerProto: "${question.innerProto}" is none of tcp, udp, sctp`;
  return { ...pair, sourcePort, port, protocol };
}

/** An error goes to the sender of the packet that it is about. */
function destinationOf({ to }: PacketQuestion, icmp: Icmp, facts: NamedFacts): Place | string {
  if (!('inner' in icmp)) return findEnd('to', to, facts);
  const { source, sourcePort } = icmp.inner;
  const sender: Place = { name: source, addresses: [source], port: null, service: null };
  if (to === undefined) return sender;
  const asked = findEnd('to', to, facts);
  if (typeof asked === 'string') return asked;
  if (asked.addresses.includes(source)) return sender;
  return `to: an error goes to the sender of the packet inside, ${formatEndpoint(source, sourcePort)}: leave --to out`;
}
