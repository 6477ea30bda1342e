import type { PacketQuestion } from '../forms/questions.ts';
import type { Port } from '../net/port.ts';
import { type Protocol, parseProtocol } from '../net/protocol.ts';
import { asksIcmp, icmpPacketOf } from './icmp-question.ts';
import type { Packet } from './packet.ts';
import type { NamedFacts, Place } from './place.ts';
import { findEnd, pairOf, readPort } from './question-ends.ts';

/** The packet of the question, or a text that starts with the invalid field. */
export function packetOfQuestion(question: PacketQuestion, facts: NamedFacts): Packet | string {
  if (asksIcmp(question)) return icmpPacketOf(question, facts);
  if (
    question.innerFrom !== undefined ||
    question.innerTo !== undefined ||
    question.innerProto !== undefined
  ) {
    return 'icmp is missing: only an ICMP error has a packet inside';
  }
  const from = findEnd('from', question.from, facts);
  if (typeof from === 'string') return from;
  const to = findEnd('to', question.to, facts);
  if (typeof to === 'string') return to;
  if (from.service !== null) return `from: a Service sends no packets; name a Pod, a Node or an address`;
  const sourcePort = from.port === null ? null : readPort(from.port);
  if (from.port !== null && sourcePort === null) return `from: "${from.port}" is no port from 1 to 65535`;
  const protocol = question.proto === undefined ? null : parseProtocol(question.proto);
  if (question.proto !== undefined && protocol === null) {
    return `proto: "${question.proto}" is none of tcp, udp, sctp, icmp`;
  }
  const target = targetOf(to, question.port, protocol);
  if (typeof target === 'string') return target;
  const pair = pairOf(from, to, question);
  if (typeof pair === 'string') return pair;
  const { interface: inputInterface } = question;
  return {
    ...pair,
    ...target,
    ...(sourcePort === null ? {} : { sourcePort }),
    ...(inputInterface === undefined ? {} : { inputInterface }),
  };
}

function targetOf(
  to: Place,
  separate: string | undefined,
  protocol: Protocol | null,
): { readonly port: Port; readonly protocol: Protocol } | string {
  if (to.port !== null && separate !== undefined && to.port !== separate) {
    return `port: ${separate} here, but ${to.port} after the destination: keep one`;
  }
  const asked = to.port ?? separate ?? null;
  const number = asked === null ? null : readPort(asked);
  const listed = to.service?.ports ?? [];
  const fits = listed.filter(
    (each) =>
      (asked === null || each.name === asked || each.port === number) &&
      (protocol === null || each.protocol === protocol),
  );
  const [only, second] = fits;
  if (only !== undefined && second === undefined) return { port: only.port, protocol: only.protocol };
  const ports = listed
    .map(({ name, port, protocol }) => `${name === '' ? '' : `${name} `}${port}/${protocol}`)
    .join(', ');
  if (second !== undefined)
    return `to: ${to.name} has several matching ports: ${ports}; add the port, or proto`;
  if (asked === null) {
    return to.service === null
      ? 'port is missing: add it, or write it after the destination'
      : `to: ${to.name} has no such port; it has ${ports || 'none'}`;
  }
  if (number === null) {
    return to.service === null || /^\d+$/.test(asked)
      ? `port: "${asked}" is no port from 1 to 65535`
      : `port: ${to.name} has no port "${asked}"; it has ${ports || 'none'}`;
  }
  return { port: number, protocol: protocol ?? 'TCP' };
}
