/**
 * The questions that people and programs ask, each term once: options of the command line and parameters of the API are
 * made from these tables. They are plain data, since a command line that loads zod starts twice as slowly
 * (docs/adr/0016-forms.md). All values are texts; whoever answers reads them and says what is wrong.
 */

/** One thing that a question may say. */
interface Term {
  /** What stands for the value in a help text; null: a switch, which is `true` or left out. */
  readonly value: string | null;
  /** For the help of a command and for the description of the API. */
  readonly help: string;
  readonly example?: string;
}

export type Question = Readonly<Record<string, Term>>;

/** What was asked, by the names of the terms. */
export type Asked<Terms extends Question> = { readonly [Name in keyof Terms]?: string | undefined };

/** A packet as people name it. A place is what `findPlace` reads; the port of `from` is the source port. */
export const packetQuestion = {
  from: {
    value: 'PLACE',
    help: 'who sends it: ADDRESS[:PORT], pod/NAMESPACE/NAME or node/NAME',
    example: 'pod/shop/web-0',
  },
  to: {
    value: 'PLACE',
    help: 'where to: ADDRESS[:PORT], pod/NAMESPACE/NAME[:PORT], svc/NAMESPACE/NAME[:PORT] (a number or a name) or node/NAME[:PORT]',
    example: 'svc/shop/web:http',
  },
  proto: {
    value: 'PROTOCOL',
    help: 'tcp, udp or sctp (default: that of the Service port, else tcp)',
  },
  family: {
    value: 'FAMILY',
    help: 'ipv4 or ipv6, where both ends have addresses of both (default: the first that fits)',
  },
  port: { value: 'NUMBER', help: 'destination port, where the destination has none' },
  interface: {
    value: 'NAME',
    help: 'by which it comes in; asked for only where pods are told by an interface (--detect-local-mode)',
    example: 'cali12',
  },
} as const satisfies Question;

export type PacketQuestion = Asked<typeof packetQuestion>;

/** Which connections. */
export const flowQuestion = {
  pod: { value: 'NAMESPACE/NAME', help: 'those that this Pod began or answers' },
  service: { value: 'NAMESPACE/NAME', help: 'those that this Service translates' },
  protocol: { value: 'NAME', help: 'those of a protocol: tcp, udp, sctp, icmp' },
  address: { value: 'ADDRESS', help: 'those that have this address anywhere, or one of this CIDR' },
  search: {
    value: 'TEXT',
    help: 'those that have this text in an address or a name, or an address of this CIDR',
  },
  kind: {
    value: 'KINDS',
    help: 'with commas: service, pod, egress, other (translated by another program); none (not translated)',
  },
  stale: {
    value: null,
    help: 'those that pools, rules and bindings of now would translate otherwise',
  },
  limit: { value: 'NUMBER', help: 'at most so many' },
} as const satisfies Question;

export type FlowQuestion = Asked<typeof flowQuestion>;

/** Kinds of entries: the name in a question, and that in an answer. */
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

/** Asked for beside the kinds of entries: what objects want and do not have. It is not in the plan. */
export const REFUSED = 'refused';

/** Which entries. */
export const entryQuestion = {
  kind: {
    value: 'KINDS',
    help: `only these, with commas: ${Object.keys(entryKinds).join(', ')}; ${REFUSED} (knat entries and /entries/list)`,
  },
  object: { value: 'NAME', help: 'only those of an object: shop/web, "Service shop/web"' },
  family: { value: 'FAMILY', help: 'only those of IPv4 or of IPv6' },
  protocol: { value: 'PROTOCOL', help: 'only those of TCP, UDP or SCTP' },
  unserved: { value: null, help: 'only Service frontends without any endpoint' },
  search: {
    value: 'TEXT',
    help: 'only entries that contain this text: in address and port, object, name of the port, endpoints',
  },
} as const satisfies Question;

export type EntryQuestion = Asked<typeof entryQuestion>;

/** The terms of a question among other values, such as all options of a command. */
export function askedOf<Terms extends Question>(terms: Terms, values: Asked<Terms>): Asked<Terms> {
  const asked: Partial<Record<keyof Terms, string>> = {};
  for (const name in terms) {
    const value = values[name];
    if (value !== undefined) asked[name] = value;
  }
  return asked;
}
