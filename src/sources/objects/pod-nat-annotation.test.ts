import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodNatEntry } from '../../model/pod.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { parsePodNatAnnotation } from './pod-nat-annotation.ts';

const NEED = 'need either InterfaceAutoDetect enabled or provided SourceIP for entry';
const BOTH = 'SourceIP provided but InterfaceAutoDetect still enabled, please disable';
const ZERO = 'port 0 is reserved and cannot be used';
const PROTOCOL = "supported protocols for NAT entries are 'tcp' and 'udp'";
const RESTRICTED = 'restricted ports 22,53,6443 are not allowed by default';
const OURS = 'restricted ports 10250,2379,2380,30000-32767 are not allowed by default';

const parse = (raw: string) => parsePodNatAnnotation(raw, defaultPodNatOptions);

/** `NODE>POD/PROTOCOL` of each entry, with what is not the default. */
function show(entry: PodNatEntry): string {
  const { interfaceAuto, sourceIP, sourcePort, destinationPort, portCount, protocol, allow } = entry;
  const count = portCount === 1 ? '' : `+${portCount - 1}`;
  const address = interfaceAuto ? 'auto' : (sourceIP ?? 'none');
  const rest = [
    allow === null ? '' : ` allow=${allow.map((prefix) => `${prefix.address}/${prefix.length}`).join('+')}`,
    entry.egress ? '' : ' no-egress',
    entry.takeover ? ' takeover' : '',
  ];
  return `${address} ${sourcePort}${count}>${destinationPort}/${protocol}${rest.join('')}`;
}

/** An entry with these members in front of valid ports. */
const entry = (members: string) => `{"entries":[{${members}"srcPort":25,"dstPort":25}]}`;
/** A single entry of these members. */
const only = (members: string) => `{"entries":[{${members}}]}`;

describe('accepted', () => {
  test.each<[string, string[]]>([
    ['null', []],
    ['{}', []],
    ['{"entries":null}', []],
    ['{"entries":[]}', []],
    [' \t\r\n{ } \n', []],
    ['{"Entries":[]}', []],
    ['{"entries":[{"srcPort":25,"dstPort":25}],"entries":null}', []],
    ['{"entries":[{"srcPort":25,"dstPort":25}],"ENTRIES":[]}', []],
    ['{"entries":null,"entries":[{"srcPort":25,"dstPort":25}]}', ['auto 25>25/TCP']],
    [entry(''), ['auto 25>25/TCP']],
    [entry('"proto":"tcp",'), ['auto 25>25/TCP']],
    [entry('"proto":"udp",'), ['auto 25>25/UDP']],
    [entry('"proto":"sctp",'), ['auto 25>25/SCTP']],
    [entry('"proto":null,'), ['auto 25>25/TCP']],
    [entry('"proto":"udp","proto":null,'), ['auto 25>25/UDP']],
    [entry('"proto":"tcp","PROTO":"udp",'), ['auto 25>25/UDP']],
    [entry('"ifaceAuto":null,"srcIP":null,'), ['auto 25>25/TCP']],
    [entry('"ifaceAuto":false,"srcIP":"192.0.2.9",'), ['192.0.2.9 25>25/TCP']],
    [entry('"ifaceAuto":false,"ifaceAuto":null,"srcIP":"192.0.2.9",'), ['192.0.2.9 25>25/TCP']],
    [entry('"ifaceAuto":false,"ifaceAuto":true,'), ['auto 25>25/TCP']],
    [entry('"srcIP":"192.0.2.9","srcIP":null,'), ['auto 25>25/TCP']],
    [entry('"ifaceauto":false,"SRCIP":"2001:DB8:0::1",'), ['2001:db8::1 25>25/TCP']],
    [entry('"ifaceAuto":false,"srcIP":"::ffff:192.0.2.9",'), ['192.0.2.9 25>25/TCP']],
    [entry('"iface\\u0041uto":false,"srcIP":"192.0.2.\\u0039",'), ['192.0.2.9 25>25/TCP']],
    [entry('"ifaceAuto":false,"\u017frcIP":"192.0.2.9",'), ['192.0.2.9 25>25/TCP']],
    ['{"entrie\u017f":[{"srcPort":25,"dstPort":26}]}', ['auto 25>26/TCP']],
    [only('"srcPort":1,"dstPort":65535'), ['auto 1>65535/TCP']],
    [only('"SRCPORT":25,"DstPort":26'), ['auto 25>26/TCP']],
    [only('"srcPort":25,"dstPort":25,"srcPort":26'), ['auto 26>25/TCP']],
    [only('"srcPort":25,"dstPort":25,"srcport":27,"srcPort":null'), ['auto 27>25/TCP']],
    [
      '{"entries":[{"srcPort":25,"dstPort":25},{"srcPort":26,"dstPort":26}]}',
      ['auto 25>25/TCP', 'auto 26>26/TCP'],
    ],
    ['{"x":[1e5,{"entries":{}},"]}"],"entries":[]}', []],
    [entry('"note":{"srcPort":99},'), ['auto 25>25/TCP']],
    [entry('"__proto__":{"srcPort":1},"constructor":5,'), ['auto 25>25/TCP']],
    [only('"srcPort":"10000-10100","dstPort":"20000-20100"'), ['auto 10000+100>20000/TCP']],
    [only('"srcPort":"10000-10000","dstPort":80'), ['auto 10000>80/TCP']],
    [
      entry('"allow":["198.51.100.0/24","2001:db8::/32"],'),
      ['auto 25>25/TCP allow=198.51.100.0/24+2001:db8::/32'],
    ],
    [entry('"allow":["198.51.100.7"],'), ['auto 25>25/TCP allow=198.51.100.7/32']],
    [entry('"allow":null,"egress":null,"takeover":null,'), ['auto 25>25/TCP']],
    [entry('"egress":false,"takeover":true,'), ['auto 25>25/TCP no-egress takeover']],
    [only('"srcPort":29999,"dstPort":30000'), ['auto 29999>30000/TCP']],
    [only('"srcPort":8080,"dstPort":10250'), ['auto 8080>10250/TCP']],
    // Whole again when it is named again, as in Go.
    [
      '{"entries":[{"srcPort":25,"dstPort":25}],"entries":[{"srcPort":26,"dstPort":26},{"srcPort":27,"dstPort":27}]}',
      ['auto 26>26/TCP', 'auto 27>27/TCP'],
    ],
    [entry('"":1,'), ['auto 25>25/TCP']],
    [entry('"a":"\\u0000\\ud800\u2028",'), ['auto 25>25/TCP']],
    [entry('"entries":[{"srcPort":26,"dstPort":26}],'), ['auto 25>25/TCP']],
    [only('"srcPort":"10300-29999","dstPort":"10300-29999"'), ['auto 10300+19699>10300/TCP']],
  ])('%s', (raw, expected) => {
    const request = parse(raw);
    expect(request.error).toBeNull();
    expect(request.entries.map(show)).toEqual(expected);
  });
});

describe('refused as JSON, with the text as it stands', () => {
  test.each([
    '',
    ' ',
    '[]',
    '5',
    '"x"',
    'true',
    'nul',
    '{',
    '{}x',
    '{} {}',
    '{}\u0000',
    '\ufeff{}',
    '{"entries":[]}\ufeff',
    // White space of JavaScript, and not of JSON.
    '\u00a0{}',
    '\u2028{}',
    '\u000b{}',
    '\f{}',
    '\u0000',
    '// none\n{}',
    '/* none */{}',
    '{}//',
    '{"entries":[]}}',
    '{,}',
    '{"entries" []}',
    '{entries:[]}',
    '{"entries":[,]}',
    '{"entries":[{"srcPort":25,"dstPort":25,}]}',
    '{"entries":["\\x"]}',
    '{"entries":[[{"srcPort":25,"dstPort":25}]]}',
    '{"entries":[],}',
    "{'entries':[]}",
    '{"entries":{}}',
    '{"entries":"x"}',
    '{"entries":0}',
    '{"entries":false}',
    '{"entries":{},"entries":[]}',
    '{"entries":[5]}',
    '{"entries":[[]]}',
    '{"entries":["x"]}',
    only('"srcPort":65536,"dstPort":25'),
    only('"srcPort":-1,"dstPort":25'),
    only('"srcPort":-0,"dstPort":25'),
    only('"srcPort":"25","dstPort":25'),
    only('"srcPort":25.0,"dstPort":25'),
    only('"srcPort":2.5e1,"dstPort":25'),
    only('"srcPort":25e0,"dstPort":25'),
    only('"srcPort":025,"dstPort":25'),
    only('"srcPort":99999999999999999999,"dstPort":25'),
    only('"srcPort":true,"dstPort":25'),
    ...[
      '+25',
      '0x19',
      '2_5',
      '25.5',
      '.5',
      '5.',
      'NaN',
      'Infinity',
      '1e9999',
      '{"a":25}',
      `${'0'.repeat(99)}25`,
    ].map((port) => only(`"srcPort":${port},"dstPort":25`)),
    ...['1e1', ' 25-26', '25-26\\n', '\uff11-\uff12', '', '-25', '25-'].map((port) =>
      only(`"srcPort":"${port}","dstPort":"${port}"`),
    ),
    entry('"a":"\u0001",'),
    only('"srcPort":[25],"dstPort":25'),
    only('"srcPort":25,"dstPort":65536'),
    only('"srcPort":"25","srcPort":25,"dstPort":25'),
    only('"srcPort":"10-20-30","dstPort":25'),
    only('"srcPort":"10 - 20","dstPort":25'),
    only('"srcPort":"65530-65536","dstPort":"65530-65536"'),
    entry('"ifaceAuto":"true",'),
    entry('"ifaceAuto":0,'),
    entry('"srcIP":5,'),
    entry('"srcIP":["192.0.2.9"],'),
    entry('"proto":6,'),
    entry('"egress":"no",'),
    entry('"takeover":1,'),
    entry('"allow":"198.51.100.0/24",'),
    entry('"allow":[null],'),
    `{"x":${'['.repeat(10_001)}${']'.repeat(10_001)}}`,
  ])('%s', (raw) => {
    expect(parse(raw)).toMatchObject({
      entries: [],
      error: `error unmarshaling data into annotation json format: ${raw}`,
    });
  });
});

describe('refused by a rule', () => {
  test.each([
    [entry('"ifaceAuto":false,'), NEED],
    [entry('"ifaceAuto":false,"srcIP":null,'), NEED],
    [entry('"srcIP":"192.0.2.9",'), BOTH],
    [entry('"srcIP":"",'), BOTH],
    [entry('"ifaceAuto":null,"srcIP":"192.0.2.9",'), BOTH],
    ['{"entries":[null]}', ZERO],
    ['{"entries":[{}]}', ZERO],
    [only('"srcPort":25'), ZERO],
    [only('"dstPort":25'), ZERO],
    [only('"srcPort":0,"dstPort":25'), ZERO],
    [only('"srcPort":25,"dstPort":0'), ZERO],
    [only('"srcPort":"0-5","dstPort":"5-10"'), ZERO],
    [entry('"proto":"TCP",'), PROTOCOL],
    [entry('"proto":"icmp",'), PROTOCOL],
    [entry('"proto":"",'), PROTOCOL],
    [entry('"proto":"Sctp",'), PROTOCOL],
    [only('"srcPort":22,"dstPort":2222'), RESTRICTED],
    [only('"srcPort":2222,"dstPort":22'), RESTRICTED],
    [only('"srcPort":53,"dstPort":53,"proto":"udp"'), RESTRICTED],
    [only('"srcPort":6443,"dstPort":1'), RESTRICTED],
    [only('"srcPort":"20-30","dstPort":"120-130"'), RESTRICTED],
    [only('"srcPort":10250,"dstPort":80'), OURS],
    [only('"srcPort":30000,"dstPort":80'), OURS],
    [only('"srcPort":"29990-30000","dstPort":"1990-2000"'), OURS],
    [
      only('"srcPort":"10000-10100","dstPort":"20000-20099"'),
      'srcPort 10000-10100 and dstPort 20000-20099 differ in length: use ranges of equal length',
    ],
    [
      only('"srcPort":"10100-10000","dstPort":"20100-20000"'),
      'port range 10100-10000 runs backwards: write the lower port first',
    ],
    [
      entry('"ifaceAuto":false,"srcIP":"mail.example.com",'),
      'srcIP "mail.example.com" is no IP address: host names are not resolved, write the address',
    ],
    [
      entry('"ifaceAuto":false,"srcIP":"",'),
      'srcIP "" is no IP address: host names are not resolved, write the address',
    ],
    [entry('"allow":["x"],'), 'allow "x" is no CIDR: write ADDRESS/LENGTH'],
    [entry('"allow":["198.51.100.7/24"],'), 'allow "198.51.100.7/24" has host bits set: write the network'],
    // The order of the rules within an entry, and of the entries.
    [only('"ifaceAuto":false,"proto":"x"'), NEED],
    [only('"srcIP":"x","proto":"x"'), BOTH],
    [only('"proto":"x"'), ZERO],
    [only('"srcPort":22,"dstPort":1,"proto":"x"'), PROTOCOL],
    [only('"ifaceAuto":false,"srcIP":"x","srcPort":22,"dstPort":1'), RESTRICTED],
    [`{"entries":[{"srcPort":22,"dstPort":1},{}]}`, RESTRICTED],
    [`{"entries":[{"srcPort":25,"dstPort":25},{"ifaceAuto":false}]}`, NEED],
  ])('%s', (raw, error) => {
    expect(parse(raw)).toMatchObject({ entries: [], error });
  });
});

describe('options and warnings', () => {
  test('the flag value stands in the text as it was written', () => {
    const options = { ...defaultPodNatOptions, restrictedPorts: ' 25, 587 ,x' };
    expect(parsePodNatAnnotation(entry(''), options).error).toBe(
      'restricted ports  25, 587 ,x are not allowed by default',
    );
  });

  test('empty lists restrict nothing', () => {
    const options = { ...defaultPodNatOptions, restrictedPorts: '', restrictedNodePorts: '' };
    expect(parsePodNatAnnotation(only('"srcPort":22,"dstPort":30000'), options).error).toBeNull();
  });

  test('unknown keys are warnings that name their place', () => {
    expect(
      parse('{"note":1,"entries":[{"srcPort":25,"dstPort":25},{"srcport":26,"dstPort":26,"prot":"udp"}]}'),
    ).toMatchObject({
      error: null,
      warnings: [
        'unknown key "note" is ignored: check its spelling',
        'unknown key "entries[1].prot" is ignored: check its spelling',
      ],
    });
  });

  test('an empty allow list allows no source, which is reported', () => {
    const request = parse(entry('"allow":[],'));
    expect(request.entries[0]?.allow).toEqual([]);
    expect(request.warnings).toEqual(['entries[0].allow is empty: nobody may connect']);
  });
});

test('as large as an annotation may be: read to its end', () => {
  // 256 KiB for all annotations of an object: k8s.io/apimachinery, TotalAnnotationSizeLimitB.
  const most = 256 * 1024;
  const each = (index: number) => `{"srcPort":${1024 + (index % 1000)},"dstPort":25}`;
  const many = Array.from({ length: 7000 }, (_, index) => each(index)).join();
  expect(many.length).toBeLessThan(most);
  expect(parse(`{"entries":[${many}]}`).entries).toHaveLength(7000);
  expect(parse(`{"entries":[${many}`)).toMatchObject({ entries: [], error: expect.stringContaining('json') });
  expect(parse(entry(`"x":"${'y'.repeat(most)}",`)).entries).toHaveLength(1);
  const networks = Array.from(
    { length: 12_000 },
    (_, index) => `"10.${index >> 8}.${index & 255}.0/24"`,
  ).join();
  expect(parse(entry(`"allow":[${networks}],`)).entries[0]?.allow).toHaveLength(12_000);
  expect(parse(`${'['.repeat(most)}`).error).toContain('json');
  const deep = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(parse(deep(9_999)).error).toBeNull();
  expect(parse(deep(10_000)).error).toContain('json');
});

describe('properties', () => {
  test('no text makes it throw, and a refused one has no entries', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string()), (raw) => {
        const request = parse(raw);
        expect(request.error === null || request.entries.length === 0).toBe(true);
      }),
    );
  });

  test('a document with random damage never throws', () => {
    const whole = entry('"ifaceAuto":false,"srcIP":"192.0.2.9","allow":["10.0.0.0/8"],"proto":"udp",');
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(5), fc.string({ maxLength: 3 }), (at, cut, insert) => {
        parse(whole.slice(0, at) + insert + whole.slice(at + cut));
      }),
      { numRuns: 1000 },
    );
  });

  test('the last duplicate of a port wins, wherever unknown keys and white space stand', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t ');
    const port = fc.integer({ min: 1, max: 21 });
    fc.assert(
      fc.property(fc.array(port, { minLength: 1 }), fc.json(), space, (written, value, gap) => {
        const members = written.map((each) => `"srcPort"${gap}:${gap}${each}`).join(`,"x":${value},`);
        const request = parse(only(`"dstPort":80,${members}${gap}`));
        expect(request.entries[0]?.sourcePort).toBe(written.at(-1));
      }),
    );
  });
});
