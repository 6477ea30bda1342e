import fc from 'fast-check';
import type { Entry, Literal } from '../../conformance/oracle/podnat.ts';

/** A Pod with a Pod NAT annotation, in every state that affects its binding. */
export interface AnnotatedPod {
  readonly entries: readonly Entry[];
  readonly raw: string;
  readonly families: 'IPv4' | 'IPv6' | 'both';
  readonly state:
    | 'ready'
    | 'ready'
    | 'not ready'
    | 'Succeeded'
    | 'Failed'
    | 'terminating'
    | 'elsewhere'
    | 'host network';
}

const literal = (says: Literal['says']): Literal => ({ text: JSON.stringify(says), says });
const odd: readonly Literal[] = [
  { text: '{}', says: [] },
  literal([]),
  literal(null),
  literal('25'),
  literal(true),
];
const good = [25, 25, 80, 443, 587, 8443];
const doubtful = [0, 22, 53, 6443, 10250, 2379, 30000, 32768, 65535, 65536, -1];
const port = fc.oneof(
  { weight: 24, arbitrary: fc.constantFrom(...good.map((number) => literal(number))) },
  { weight: 3, arbitrary: fc.constantFrom(...doubtful.map((number) => literal(number))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { text: '25.0', says: 25 },
      { text: '2.5e1', says: 25 },
      { text: '-0', says: 0 },
    ),
  },
);
const srcIP = fc.constantFrom(
  ...[
    '203.0.113.7',
    '203.0.113.7',
    '192.168.0.2',
    '198.51.100.77',
    '2001:db8::7',
    'mail.example.com',
    '2001:DB8::7',
  ].map(literal),
  literal(null),
);
const proto = fc.constantFrom(
  ...['tcp', 'udp', 'sctp', 'udp', 'TCP', 'icmp', ''].map(literal),
  literal(null),
);

const VALUES: Readonly<Record<string, fc.Arbitrary<Literal>>> = {
  ifaceAuto: fc.constantFrom(literal(true), literal(false), literal(false), literal(null)),
  srcIP,
  srcPort: port,
  dstPort: port,
  proto,
  comment: fc.constantFrom(literal('mail'), literal(7)),
};

const member = (keys: readonly string[]): fc.Arbitrary<readonly [string, Literal]> =>
  fc.constantFrom(...keys).chain((key) =>
    fc.tuple(
      fc.constantFrom(key, key, key, key.toLowerCase(), key.toUpperCase()),
      fc.oneof(
        { weight: 40, arbitrary: VALUES[key] ?? fc.constant(literal(null)) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            ...odd.filter(({ says }) => !(key === 'srcPort' || key === 'dstPort') || says !== '25'),
          ),
        },
      ),
    ),
  );

/** Mostly with both ports, since an entry without them is refused early; `odd` has no text as a port, since knat reads ranges there. */
const entry: fc.Arbitrary<Entry> = fc
  .tuple(
    fc.constantFrom<readonly string[]>(
      ['srcPort', 'dstPort'],
      ['srcPort', 'dstPort'],
      ['srcPort', 'dstPort'],
      ['srcPort'],
    ),
    fc.oneof(
      fc.constant<Entry>([]),
      srcIP.map(
        (value): Entry => [
          ['ifaceAuto', literal(false)],
          ['srcIP', value],
        ],
      ),
      proto.map((value): Entry => [['proto', value]]),
      fc.constantFrom<Entry>([
        ['ifaceAuto', literal(false)],
        ['srcIP', literal('203.0.113.8')],
      ]),
      fc.array(member(Object.keys(VALUES)), { maxLength: 2 }),
    ),
  )
  .chain(([keys, rest]) =>
    fc.tuple(...keys.map((key) => member([key]))).map((given): Entry => [...given, ...rest]),
  );

const space = fc.constantFrom('', '', ' ', '\n\t');

export const annotatedPod: fc.Arbitrary<AnnotatedPod> = fc
  .record({
    entries: fc.array(entry, { maxLength: 3, size: 'max' }),
    spaces: fc.tuple(space, space),
    entriesKey: fc.constantFrom('entries', 'entries', 'Entries', 'ENTRIES'),
    families: fc.constantFrom('IPv4', 'IPv4', 'IPv6', 'both'),
    state: fc.constantFrom(
      'ready',
      'ready',
      'ready',
      'ready',
      'not ready',
      'Succeeded',
      'Failed',
      'terminating',
      'elsewhere',
      'host network',
    ),
  })
  .map(({ entries, spaces: [before, between], entriesKey, families, state }) => {
    const objects = entries.map(
      (members) => `{${members.map(([key, { text }]) => `"${key}":${between}${text}`).join(`,${before}`)}}`,
    );
    const raw = `${before}{"${entriesKey}"${between}:[${objects.join(',')}]}${before}`;
    return { entries, raw, families, state };
  });
