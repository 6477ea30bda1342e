/** Uses the manifests and expectations in the documents as the documents say. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { kubernetesErrors } from '../chart/kubernetes-models.ts';
import { type Block, codeBlocks, kindOfBlock, objectsOf } from './document-blocks.ts';

const pages = readdirSync('.', { recursive: true, encoding: 'utf8' }).filter(
  (path) => /^(README\.md$|docs\/|examples\/|charts\/)/.test(path) && path.endsWith('.md'),
);
const blocks = pages.flatMap(codeBlocks).filter((block) => kindOfBlock(block) !== null);
const pageOf = ({ origin }: Block) => origin.replace(/:\d+$/, '');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The exit status and output of `knat`. */
async function knat(...args: readonly string[]): Promise<{ status: number; printed: string }> {
  const streams = [new PassThrough(), new PassThrough()] as const;
  const context: Context = {
    version: '0.0.0',
    terminal: new Terminal(...streams),
    defaultNode: 'worker-1',
    readInput: async () => '',
    exit: EXIT.ok,
    debug: false,
  };
  await createProgram(context).parseAsync([...args], { from: 'user' });
  return { status: context.exit, printed: streams.map((each) => String(each.read() ?? '')).join('') };
}

/** Writes manifests beside what a block needs around it, and has expectations checked. */
async function verify(
  expectations: string,
  around: readonly string[],
  ...options: readonly string[]
): Promise<string> {
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests, { recursive: true });
  for (const [index, text] of around.entries()) writeFileSync(join(manifests, `${index}.yaml`), text);
  writeFileSync(join(folder, 'nat.yaml'), expectations);
  const args = ['verify', join(folder, 'nat.yaml'), '--source', `dir:${manifests}`, '--strict', ...options];
  const { status, printed } = await knat(...args);
  expect(status, printed).toBe(0);
  return printed.trimEnd().split('\n').at(-1) ?? '';
}

const NODE = `
apiVersion: v1
kind: Node
metadata: {name: worker-1}
spec: {podCIDRs: [10.244.1.0/24]}
status:
  addresses:
    - {type: InternalIP, address: 192.0.2.10}
    - {type: ExternalIP, address: 203.0.113.7}
    - {type: ExternalIP, address: 192.0.2.9}
`;
const WEB = `
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {nodeName: worker-1}
status: {podIPs: [{ip: 10.244.1.10}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
`;
const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: default-ipv4-ippool}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;

/** The only block of this kind on the page, or the one that contains the text. */
function blockOf(page: string, kind: ReturnType<typeof kindOfBlock>, having = ''): string {
  const found = blocks.filter(
    (block) => pageOf(block) === page && kindOfBlock(block) === kind && block.text.includes(having),
  );
  expect(found, `${page}: ${kind} ${having}`).toHaveLength(1);
  return found[0]?.text ?? '';
}

test('the documents have the blocks that this test looks at, and no others', () => {
  const found = blocks.map((block) => {
    const kinds =
      kindOfBlock(block) === 'manifests' ? objectsOf(block).map(({ kind }) => kind) : ['expectations'];
    return `${pageOf(block)}: ${kinds.join(', ')}`;
  });
  // For a new block, add a test below that uses it as its page says.
  expect(found.sort()).toEqual([
    'docs/egress.md: EgressRule',
    'docs/egress.md: IPPool, IPPool',
    'docs/http-api.md: ClusterRole',
    'docs/kubectl-plugin.md: ClusterRole',
    'docs/migrate-from-calico-natoutgoing.md: expectations',
    'docs/migrate-from-flannel.md: IPPool',
    'docs/migrate-from-ip-masq-agent.md: expectations',
    'docs/pod-nat.md: Pod',
    'docs/webhook.md: expectations',
  ]);
});

test.each(
  blocks
    .filter((block) => kindOfBlock(block) === 'manifests')
    .flatMap((block) => objectsOf(block).map((object) => ({ origin: block.origin, object })))
    .filter(({ object }) => String(object.apiVersion).startsWith('rbac')),
)('$origin: Kubernetes knows every field', ({ object }) => {
  expect(kubernetesErrors(object)).toEqual([]);
});

describe('docs/migrate-from-calico-natoutgoing.md', () => {
  const expectations = blockOf('docs/migrate-from-calico-natoutgoing.md', 'expectations');
  const dataCentre = POOL.replace('default-ipv4-ippool', 'data-centre').replace(
    '10.244.0.0/16, natOutgoing: true',
    '10.20.0.0/16, disabled: true',
  );

  test('its expectations are met by pools as they are there', async () => {
    expect(await verify(expectations, [NODE, WEB, POOL, dataCentre])).toBe('2 met, 0 not met');
  });

  test('and after step 4: a pool of knat has taken the NAT over, and the Event tells of the other', async () => {
    const calicos = POOL.replace('natOutgoing: true', 'natOutgoing: false');
    const ours = POOL.replace('projectcalico.org/v3', 'knat.dev/v1').replace('default-ipv4-ippool', 'pods');
    mkdirSync(join(folder, 'manifests'));
    for (const [index, text] of [NODE, WEB, calicos, ours, dataCentre].entries()) {
      writeFileSync(join(folder, 'manifests', `${index}.yaml`), text);
    }
    writeFileSync(join(folder, 'nat.yaml'), expectations);
    const source = `dir:${join(folder, 'manifests')}`;
    const { status, printed } = await knat('verify', join(folder, 'nat.yaml'), '--source', source);
    expect(status, printed).toBe(0);
    expect(printed).toMatch(/IPPool default-ipv4-ippool: .*pool pods .*\(NatConflict\)/);
  });
});

test('docs/migrate-from-ip-masq-agent.md: its expectations are met by the file of ip-masq-agent', async () => {
  const expectations = blockOf('docs/migrate-from-ip-masq-agent.md', 'expectations');
  for (const config of ['', 'nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqLinkLocal: true\n']) {
    const path = join(folder, 'ip-masq-agent.yaml');
    writeFileSync(path, config);
    expect(await verify(expectations, [NODE, WEB], '--ip-masq-agent-config', path)).toBe('2 met, 0 not met');
  }
});

test('docs/webhook.md: its expectations are met by a Service with an endpoint', async () => {
  const service = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.10, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.244.1.10]}]
`;
  const expectations = blockOf('docs/webhook.md', 'expectations');
  expect(await verify(expectations, [NODE, WEB, service])).toBe('1 met, 0 not met');
});

describe('docs/egress.md', () => {
  const pools = blockOf('docs/egress.md', 'manifests', 'no-nat-10.0.0.0-8');
  const rule = blockOf('docs/egress.md', 'manifests', 'EgressRule');
  const expecting = (...lines: readonly string[]) =>
    `node: worker-1\nexpectations:\n${lines.map((line) => `  - {${line}}\n`).join('')}`;
  const everyGroup = ['knat.dev/v1', 'projectcalico.org/v3', 'crd.projectcalico.org/v1'];

  test.each(everyGroup)('its pools, of %s', async (group) => {
    expect(pools).toContain(group);
    const expectations = expecting(
      "from: pod/shop/web-0, to: '198.51.100.9:443', as: node",
      "from: pod/shop/web-0, to: '10.9.8.7:443', as: same",
    );
    const inGroup = pools.replace(/^apiVersion: \S+/gm, `apiVersion: ${group}`);
    expect(await verify(expectations, [NODE, WEB, inGroup])).toBe('2 met, 0 not met');
  });

  test('its rule beside them', async () => {
    const other = NODE.replace('192.0.2.9', '203.0.113.8');
    const probe = WEB.replaceAll('shop', 'lab').replace('10.244.1.10', '10.244.1.20');
    const expectations = (address: string) =>
      expecting(
        `from: pod/shop/web-0, to: '198.51.100.9:443', as: ${address}`,
        "from: pod/shop/web-0, to: '198.51.100.9:80', as: node",
        "from: pod/lab/web-0, to: '198.51.100.9:443', as: node",
      );
    expect(rule).toContain('addresses: [203.0.113.7, 203.0.113.8]');
    const met: string[] = [];
    for (const address of ['203.0.113.7', '203.0.113.8']) {
      await verify(expectations(address), [other, WEB, probe, pools, rule]).then(
        () => met.push(address),
        () => {},
      );
    }
    expect(met).toHaveLength(1);
  });
});

test('docs/pod-nat.md: its Pod has the bindings that the page names', async () => {
  const [pod] = objectsOf({ origin: 'docs/pod-nat.md', text: blockOf('docs/pod-nat.md', 'manifests') });
  const placed = {
    ...pod,
    spec: { nodeName: 'worker-1' },
    status: { podIPs: [{ ip: '10.244.1.25' }], conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const expectations = `
expectations:
  - {node: worker-1, from: 198.51.100.9, to: '203.0.113.7:25', reaches: '10.244.1.25:25'}
  - {node: worker-1, from: 198.51.100.9, to: '192.0.2.9:587', reaches: '10.244.1.25:10587'}
  - {node: worker-1, from: 10.244.1.25, to: '198.51.100.9:25', as: 203.0.113.7}
`;
  const node = NODE.replace(
    '{type: InternalIP, address: 192.0.2.10}',
    '{type: ExternalIP, address: 203.0.113.7}',
  ).replace(
    '    - {type: ExternalIP, address: 203.0.113.7}\n    - {type: ExternalIP, address: 192.0.2.9}',
    '    - {type: ExternalIP, address: 192.0.2.9}',
  );
  expect(await verify(expectations, [node, JSON.stringify(placed)])).toBe('3 met, 0 not met');
});
