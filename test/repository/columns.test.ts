import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printDifference } from '../../src/cli/commands/diff.ts';
import { printDiagnosis } from '../../src/cli/commands/doctor.ts';
import { printFlows } from '../../src/cli/commands/flows-print.ts';
import { printStatus } from '../../src/cli/commands/status.ts';
import type { Context } from '../../src/cli/context.ts';
import { printTable } from '../../src/cli/table.ts';
import { Terminal, terminalOptions } from '../../src/cli/terminal.ts';
import type { FlowReport } from '../../src/forms/flows.ts';
import type { Status } from '../../src/forms/status.ts';
import { ENTRY_HEADINGS } from '../../src/observe/api/entry-row.ts';
import { listeningContext, runCommand } from './command.ts';

/** All output for people fits into 80 columns, with the longest names that Kubernetes allows and with IPv6. */

const WIDTH = 80;
const options = terminalOptions({ COLUMNS: String(WIDTH) });
const NAMESPACE = `n${'amespace'.repeat(5)}`;
const NAME = `a-deployment-with-a-long-name-${'x'.repeat(25)}-7d9c5b8f6d-x2x4z`;
const [POD6, WEB6, CLIENT6] = [
  'fd00:244:1::abcd:1234:5678:9abc',
  'fd00:96:aaaa:bbbb:cccc:dddd:eeee:ffff',
  '2001:db8:1111:2222:3333:4444:5555:6666',
];

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-columns-'));
  mkdirSync(join(folder, 'manifests'));
  writeFileSync(join(folder, 'manifests', 'all.yaml'), manifests());
  writeFileSync(join(folder, 'expectations.yaml'), expectations());
  const flows = [
    { sourceIP: CLIENT6, protocol: 'TCP', destIP: WEB6, destPort: 80 },
    { sourceIP: '10.244.1.7', protocol: 'UDP', destIP: '198.51.100.9', destPort: 443 },
  ];
  writeFileSync(join(folder, 'flows.json'), JSON.stringify(flows));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Checks that no line is longer, unless it is one word that cannot be broken, with its indentation or one label before it. */
function expectFits(text: string): void {
  expect(text.trim()).not.toBe('');
  const tooLong = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.length > WIDTH && line.trim().split(/\s+/).length > 2);
  expect(tooLong).toEqual([]);
}

describe('from manifests', () => {
  test.each<[string, (folder: string) => string[]]>([
    ['explain', () => ['explain', '--from', `pod/${NAMESPACE}/${NAME}`, '--to', `[${WEB6}]:80`]],
    ['explain, refused', () => ['explain', '--from', `[${CLIENT6}]:40000`, '--to', `[${WEB6}]:65535`]],
    [
      'explain, to the outside',
      () => ['explain', '--from', `pod/${NAMESPACE}/${NAME}`, '--to', '198.51.100.9:443'],
    ],
    ['explain --flows', (at) => ['explain', '--flows', `${at}/flows.json`]],
    [
      'a name that is not there',
      () => ['explain', '--from', `pod/${NAMESPACE}/nobody`, '--to', '10.96.0.1:1'],
    ],
  ])('%s', async (_, words) => {
    const { output, errors } = await runCommand(
      [...words(folder), '--source', `dir:${folder}/manifests`, '--node', 'node-1'],
      options,
    );
    expectFits(output + errors);
  });

  test('verify, with met and unmet expectations', async () => {
    const words = ['verify', `${folder}/expectations.yaml`, '--source', `dir:${folder}/manifests`];
    const { status, output, errors } = await runCommand([...words, '--node', 'node-1'], options);
    expect(errors).toBe('');
    expect(status).toBe(1);
    expect(output).toContain('1 met, 1 not met');
    expectFits(output);
  });
});

function printed(print: (context: Context) => void): string {
  const { context, printed } = listeningContext(options);
  print(context);
  const { output, errors } = printed();
  return output + errors;
}

test('status', () => {
  const object = { kind: 'Pod', namespace: NAMESPACE, name: NAME } as const;
  const status = {
    ...{ version: '0.1.0', processId: 4194304, startedAt: '2026-01-31T03:00:00.000Z', node: NAME },
    ...{ source: `dir:/var/lib/${NAMESPACE}/manifests`, synced: false },
    enabled: { service: true, pod: true, egress: true },
    counts: { frontends: 123_456, bindings: 12_345, podSources: 12_345, pools: 1234 },
    capabilities: { kernel: '6.18.5-amd64-with-a-long-suffix' },
    programmed: {
      at: '2026-01-31T03:00:00.000Z',
      elementsAdded: 123456,
      elementsDeleted: 654321,
      milliseconds: 1234.5,
    },
    failure: {
      since: '2026-01-31T03:00:00.000Z',
      message: 'the kernel refuses element 4711 of the map services: no space is left on the device',
    },
    kubeProxy: {
      keepsServices: true,
      since: '2026-01-31T03:00:00.000Z',
      found: ['table ip kube-proxy with 17 chains', 'chain KUBE-SERVICES of table ip nat'],
    },
    problems: [
      {
        code: 'KNAT_HTTP_ADDRESS',
        severity: 'warning',
        origin: `${NAMESPACE}.yaml`,
        object: null,
        message: 'the API cannot be served on 127.0.0.1:8484: another program listens there',
      },
    ],
    notices: [
      {
        reason: 'NatNoPublicAddress',
        object,
        message:
          'entry 0: this node has no public IPv6 address; name one of its addresses with "ifaceAuto": false',
      },
    ],
    conflicts: [],
  } as unknown as Status;
  const text = printed(({ terminal }) => printStatus(status, terminal));
  expectFits(text);
  expect(text).toContain('\n             ');
});

test('diff', () => {
  const owner = `Service ${NAMESPACE}/${NAME}`;
  const element = `ip6 knat endpoints { ${WEB6} . tcp . 65535 . 12 : ${POD6} . 65535 }`;
  const text = printed(({ terminal }) =>
    printDifference(
      {
        ...{ equal: false, skeleton: 'other', rulesCompared: false, missing: 1, surplus: 1 },
        groups: [{ owner: 'object', object: owner, missing: 1, surplus: 1 }],
        elements: (['missing', 'surplus'] as const).map((what) => ({
          what,
          object: owner,
          key: '',
          element,
        })),
      },
      terminal,
    ),
  );
  expectFits(text);
});

test('doctor', () => {
  const text = printed((context) =>
    printDiagnosis(
      [
        { name: 'a', title: 'packets are forwarded', findings: [], unseen: null },
        {
          name: 'b',
          title: 'reverse path filter',
          findings: [],
          unseen: `${NAME} cannot be read, since this process may not do so here`,
        },
        {
          ...{ name: 'c', title: 'other masquerade rules', unseen: null },
          findings: [
            {
              severity: 'error',
              message: `chain KNAT-${NAME} of table ip nat masquerades everything that leaves by eth0, before knat can say what is to become of it`,
              remedy: `take the rule away:\niptables -t nat -D POSTROUTING -o eth0 -m comment --comment ${NAME} -j MASQUERADE`,
            },
          ],
        },
      ] as never,
      context,
    ),
  );
  expectFits(text);
});

test('entries', () => {
  const rows = [
    [
      'frontend',
      `[${WEB6}]:65535/SCTP`,
      `Service ${NAMESPACE}/${NAME}`,
      `one of [${POD6}]:8080, [${POD6}]:8081`,
    ],
    ['refused', `[${WEB6}]:80/TCP`, `Pod ${NAMESPACE}/${NAME}`, 'lost to Service shop/web, which is older'],
  ];
  expectFits(printed(({ terminal }) => printTable(terminal, ENTRY_HEADINGS, rows)));
});

const plainFlow: FlowReport = {
  protocol: 'TCP',
  original: { source: '10.244.1.5:40000', destination: '198.51.100.9:443' },
  reply: { source: '198.51.100.9:443', destination: '203.0.113.7:40000' },
  from: null,
  to: null,
  destinationNat: null,
  sourceNat: { kind: 'other', object: null, address: '203.0.113.7:40000' },
  stale: null,
  replied: true,
  ageSeconds: null,
  timeoutSeconds: null,
  packets: null,
  bytes: null,
  id: 1,
  zone: 0,
};
const longFlow: FlowReport = {
  ...plainFlow,
  original: { source: `[${POD6}]:40000`, destination: `[${WEB6}]:65535` },
  reply: { source: `[${POD6}]:8080`, destination: `[${CLIENT6}]:40000` },
  from: `Pod ${NAMESPACE}/${NAME}`,
  to: `Pod ${NAMESPACE}/${NAME}`,
  destinationNat: {
    kind: 'service',
    object: `Service ${NAMESPACE}/${NAME}`,
    frontend: `[${WEB6}]:65535/TCP`,
    endpoint: `[${POD6}]:8080`,
  },
  sourceNat: { kind: 'egress', object: 'IPPool pods', address: `[${CLIENT6}]:40000` },
  stale: 'it would leave with the address of the node now (IPPool pods)',
  timeoutSeconds: 431990,
  bytes: 123456789,
};

test.each<[string, FlowReport, string[]]>([
  [
    'short',
    plainFlow,
    ['TCP', '10.244.1.5:40000', '198.51.100.9:443', '', '203.0.113.7:40000', 'other', '', '', ''],
  ],
  ['no reply', { ...plainFlow, replied: false, bytes: 0 }, ['0', 'no reply yet']],
  [
    'long',
    longFlow,
    [
      ...[
        'TCP',
        `[${POD6}]:40000 Pod ${NAMESPACE}/${NAME}`,
        `[${WEB6}]:65535`,
        `[${POD6}]:8080 Pod ${NAMESPACE}/${NAME}`,
      ],
      ...[`[${CLIENT6}]:40000`, `Service ${NAMESPACE}/${NAME}, IPPool pods`, '431990 s', '123456789'],
      'stale: it would leave with the address of the node now (IPPool pods)',
    ],
  ],
])('flows: %s', async (_, flow, cells) => {
  const { context, printed } = listeningContext(options);
  const end = { looked: 123_456, listed: 1, cut: true, stale: 1, accounting: false };
  const pieces = async function* () {
    yield Buffer.from(`${JSON.stringify(flow)}\n${JSON.stringify({ end })}\n`);
  };
  await printFlows(pieces(), {}, context);
  const { output, errors } = printed();
  expectFits(output + errors);
  for (const cell of cells) for (const word of cell.split(' ')) expect(output).toContain(word);
});

test('colours are for terminals; NO_COLOR comes before FORCE_COLOR', () => {
  const words = (environment: Record<string, string>, isTTY: boolean) => {
    const stream = Object.assign(new PassThrough(), isTTY ? { isTTY } : {});
    return new Terminal(stream, stream, terminalOptions(environment)).colors.red('x') !== 'x';
  };
  expect(words({}, true)).toBe(true);
  expect(words({}, false)).toBe(false);
  expect(words({ NO_COLOR: '1' }, true)).toBe(false);
  expect(words({ FORCE_COLOR: '1' }, false)).toBe(true);
  expect(words({ FORCE_COLOR: '0' }, false)).toBe(false);
  expect(words({ FORCE_COLOR: '1', NO_COLOR: '1' }, true)).toBe(false);
  expect(words({ NO_COLOR: '' }, true)).toBe(true);
});

function manifests(): string {
  return `apiVersion: v1
kind: Node
metadata: {name: node-1}
spec: {podCIDRs: [10.244.1.0/24, "fd00:244:1::/64"]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: "2001:db8::1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ${NAME}, namespace: ${NAMESPACE}}
spec: {nodeName: node-1}
status: {podIPs: [{ip: 10.244.1.7}, {ip: "${POD6}"}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: ${NAMESPACE}}
spec: {clusterIP: "${WEB6}", clusterIPs: ["${WEB6}"], ipFamilies: [IPv6], ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: ${NAMESPACE}, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}]
endpoints: [{addresses: ["${POD6}"]}, {addresses: ["fd00:244:2::7"]}]
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: pods-of-this-node-and-of-all-others}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;
}

function expectations(): string {
  return `expectations:
  - name: a pod reaches the outside as the node
    from: pod/${NAMESPACE}/${NAME}
    to: 198.51.100.9:443
    as: node
  - name: a client from far away reaches the Service with the long address, and its source stays as it is
    from: "${CLIENT6}"
    to: "[${WEB6}]:80"
    reaches: "[fd00:244:9:aaaa:bbbb:cccc:dddd:eeee]:8080"
`;
}
