/**
 * Every term of a question to an agent, once: options of the command line and parameters of the API are made from these
 * tables. They are plain data, because a command line that loads zod starts twice as slowly (docs/adr/0016-forms.md).
 * All values are texts; the answering code parses them and reports errors.
 */

interface Term {
  /** The value's name in a help text; null: a switch, which is `true` or absent. */
  readonly value: string | null;
  /** For a command's help and the API's description. */
  readonly help: string;
  readonly example?: string;
}

export type Question = Readonly<Record<string, Term>>;

/** Values by name of the term. */
export type Asked<Terms extends Question> = { readonly [Name in keyof Terms]?: string | undefined };

/** `findPlace` reads a place; the port of `from` is the source port. */
export const packetQuestion = {
  from: {
    value: 'PLACE',
    help: 'sender: ADDRESS[:PORT], pod/NAMESPACE/NAME or node/NAME',
    example: 'pod/shop/web-0',
  },
  to: {
    value: 'PLACE',
    help: 'destination: ADDRESS[:PORT], pod/NAMESPACE/NAME[:PORT], svc/NAMESPACE/NAME[:PORT] (a number or a name) or node/NAME[:PORT]',
    example: 'svc/shop/web:http',
  },
  proto: {
    value: 'PROTOCOL',
    help: 'tcp, udp, sctp or icmp (default: that of the Service port, else tcp)',
  },
  family: {
    value: 'FAMILY',
    help: 'ipv4 or ipv6, if both ends have both (default: the first that both have)',
  },
  port: { value: 'NUMBER', help: 'destination port, if the destination names none' },
  interface: {
    value: 'NAME',
    help: 'incoming interface; needed only if pods are recognised by interface (--detect-local-mode)',
    example: 'cali12',
  },
  icmp: {
    value: 'KIND',
    help: 'ICMP of this kind: echo-request, echo-reply, destination-unreachable, fragmentation-needed, packet-too-big, time-exceeded or parameter-problem; an error needs the packet that it is about',
  },
  innerFrom: {
    value: 'PLACE',
    help: 'sender of the packet that an ICMP error is about, as the reporter saw it, with its port',
  },
  innerTo: { value: 'PLACE', help: 'destination of that packet, with its port' },
  innerProto: { value: 'PROTOCOL', help: 'protocol of that packet: tcp, udp or sctp (default: tcp)' },
} as const satisfies Question;

export type PacketQuestion = Asked<typeof packetQuestion>;

/** Of the names that may follow a beginning. */
export const placeQuestion = {
  search: {
    value: 'TEXT',
    help: 'the beginning of a place: pod/NAMESPACE/NAME, svc/NAMESPACE/NAME:PORT or node/NAME',
    example: 'pod/shop/',
  },
} as const satisfies Question;

/** How much of an answer in lines is shown; JSON always has everything. */
export const listQuestion = {
  all: {
    value: null,
    help: 'list every rule that was asked and every endpoint, instead of counting them; JSON always has all',
  },
} as const satisfies Question;

export type ListQuestion = Asked<typeof listQuestion>;

export const traceQuestion = {
  ...packetQuestion,
  count: { value: 'NUMBER', help: 'end after this many packets, at most 100 (default: 5)' },
  seconds: { value: 'NUMBER', help: 'end after this many seconds, at most 600 (default: 30)' },
  replies: { value: null, help: 'also trace the packets of the other direction of these connections' },
  dropped: { value: null, help: 'show only packets that were dropped or not seen again' },
} as const satisfies Question;

export type TraceQuestion = Asked<typeof traceQuestion>;

/** Of explain: a moment of the past. `parseMoment` reads it. */
export const momentQuestion = {
  at: {
    value: 'TIME',
    help: 'explain what was in force at this time: 2026-01-31T15:04:05Z, 2h (ago), or a position of knat history, 12.345',
    example: '2026-01-31T15:04:05Z',
  },
} as const satisfies Question;

export type MomentQuestion = Asked<typeof momentQuestion>;

export const journalQuestion = {
  object: { value: 'NAME', help: 'only what concerns an object: shop/web, "Service shop/web"' },
  address: { value: 'ADDRESS[:PORT]', help: 'only what concerns packets to or from this address, and port' },
  since: { value: 'TIME', help: 'only from this time on, in the forms of --at' },
  until: { value: 'TIME', help: 'only up to this time' },
  limit: { value: 'NUMBER', help: 'list at most this many, the newest (default: 50)' },
  packets: { value: null, help: 'also say what each change did to packets, as what-if does' },
} as const satisfies Question;

export type JournalQuestion = Asked<typeof journalQuestion>;

export const flowQuestion = {
  pod: { value: 'NAMESPACE/NAME', help: 'flows that this Pod began or answers' },
  service: { value: 'NAMESPACE/NAME', help: 'flows that this Service translates' },
  protocol: { value: 'NAME', help: 'flows of a protocol: tcp, udp, sctp, icmp' },
  address: { value: 'ADDRESS', help: 'flows with this address, or an address of this CIDR, anywhere' },
  search: {
    value: 'TEXT',
    help: 'flows with this text in an address or a name, or an address of this CIDR',
  },
  kind: {
    value: 'KINDS',
    help: 'kinds of NAT, with commas: service, pod, egress, other (translated by another program), none (not translated)',
  },
  stale: {
    value: null,
    help: 'flows that the present pools, rules and bindings would translate differently',
  },
  limit: { value: 'NUMBER', help: 'list at most this many flows' },
} as const satisfies Question;

export type FlowQuestion = Asked<typeof flowQuestion>;

/** Kinds of entries: name in a question → name in an answer. */
export const entryKinds = {
  frontend: 'ServiceFrontend',
  binding: 'PodBinding',
  reservation: 'PodReservation',
  source: 'PodSource',
  'source-port': 'PodSourcePort',
  address: 'ClusterAddress',
  health: 'ServiceHealthCheck',
  scope: 'FamilyScope',
  ports: 'SourcePorts',
  egress: 'EgressSource',
} as const;

/** A kind in questions only: refused claims, which are not in the plan. */
export const REFUSED = 'refused';

export const entryQuestion = {
  kind: {
    value: 'KINDS',
    help: `only these kinds, with commas: ${Object.keys(entryKinds).join(', ')}; ${REFUSED} (knat entries and /entries/list)`,
  },
  object: { value: 'NAME', help: 'only entries of an object: shop/web, "Service shop/web"' },
  family: { value: 'FAMILY', help: 'only entries of IPv4 or of IPv6' },
  protocol: { value: 'PROTOCOL', help: 'only entries of TCP, UDP or SCTP' },
  unserved: { value: null, help: 'only Service frontends without any endpoint' },
  search: {
    value: 'TEXT',
    help: 'only entries with this text in address and port, object, name of the port, or endpoints',
  },
} as const satisfies Question;

export type EntryQuestion = Asked<typeof entryQuestion>;

/** Picks the question's terms from other values, such as all options of a command. */
export function askedOf<Terms extends Question>(terms: Terms, values: Asked<Terms>): Asked<Terms> {
  const asked: Partial<Record<keyof Terms, string>> = {};
  for (const name in terms) {
    const value = values[name];
    if (value !== undefined) asked[name] = value;
  }
  return asked;
}
