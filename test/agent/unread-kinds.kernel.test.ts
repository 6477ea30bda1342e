/**
 * After a restart, an object that cannot be read removes no rules: for every kind, one object that is refused and a file
 * that does not parse. The state fills every set of the table, with pods recognised by addresses or by an interface. The
 * test fails for a new kind or set that is not in this file.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import { allSets, SET_NAMES } from '../../src/datapath/nftables/sets.ts';
import type { Status } from '../../src/forms/status.ts';
import type { FactKind } from '../../src/model/facts.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import { ipMasqAgentSource } from '../../src/sources/ip-masq-agent/ip-masq-agent-source.ts';
import type { NodeConfig } from '../../src/sources/objects/node-config.ts';
import { severalSources } from '../../src/sources/several.ts';
import { cidr, ip } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';
import { untilStatus } from './until-status.ts';

type Json = Readonly<Record<string, unknown>>;

const endpoints = (count: number, first: number, nodeName: string) =>
  Array.from({ length: count }, (_, index) => ({
    addresses: [`10.244.1.${first + index}`],
    nodeName,
  }));

/** Services by name: how many endpoints they have, and further fields of their spec. */
const services: readonly (readonly [string, number, Json])[] = [
  ...[1, 2, 3, 4, 5].flatMap((count) => [
    [`plain-${count}`, count, {}] as const,
    [`sticky-${count}`, count, { sessionAffinity: 'ClientIP' }] as const,
  ]),
  ['local', 5, { externalIPs: ['198.51.100.1'], externalTrafficPolicy: 'Local', type: 'NodePort' }],
  [
    'sticky-local',
    5,
    {
      externalIPs: ['198.51.100.2'],
      externalTrafficPolicy: 'Local',
      type: 'NodePort',
      sessionAffinity: 'ClientIP',
    },
  ],
  [
    'cluster',
    1,
    { externalIPs: ['198.51.100.3'], type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] },
  ],
  ['nobody', 0, {}],
  ['elsewhere-within', 1, { internalTrafficPolicy: 'Local' }],
  ['elsewhere', 1, { externalIPs: ['198.51.100.5'], externalTrafficPolicy: 'Local', type: 'NodePort' }],
];

const named = (kind: string, apiVersion: string, name: string, rest: Json): Json => ({
  apiVersion,
  kind,
  metadata: { name, ...(rest.metadata as Json | undefined) },
  ...Object.fromEntries(Object.entries(rest).filter(([key]) => key !== 'metadata')),
});

/** For every kind its objects, or the text of its file, and the same with one that is refused. */
const files: Readonly<Record<FactKind, (refused: boolean) => string>> = {
  Service: (refused) =>
    documents(
      services.map(([name, , spec], index) =>
        named('Service', 'v1', name, {
          metadata: { namespace: 'shop' },
          spec: {
            clusterIP: `10.96.0.${10 + index}`,
            ports: [{ port: refused && name === 'sticky-5' ? 70_000 : 80 }],
            ...spec,
          },
          status: { loadBalancer: { ingress: name === 'cluster' ? [{ ip: '198.51.100.4' }] : [] } },
        }),
      ),
    ),
  EndpointSlice: (refused) =>
    documents(
      services.map(([name, count], index) =>
        named('EndpointSlice', 'discovery.k8s.io/v1', name, {
          metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
          addressType: 'IPv4',
          ports: refused && name === 'local' ? 'none' : [{ port: 8080 }],
          endpoints: endpoints(count, 10 * index + 20, name.startsWith('elsewhere') ? 'node-b' : 'node-a'),
        }),
      ),
    ),
  Pod: (refused) =>
    documents([
      named('Pod', 'v1', 'smtp', {
        metadata: {
          namespace: 'mail',
          labels: { app: 'smtp' },
          annotations: {
            'bln.space/podnat': JSON.stringify({
              entries: [25, '6000-6003'].map((port) => ({
                ifaceAuto: false,
                srcIP: '203.0.113.7',
                srcPort: port,
                dstPort: port,
                allow: ['192.0.2.0/24'],
              })),
            }),
          },
        },
        spec: { nodeName: 'node-a', hostNetwork: refused ? 'no' : false },
        status: {
          phase: 'Running',
          podIP: '100.64.0.7',
          podIPs: [{ ip: '100.64.0.7' }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      }),
    ]),
  Node: (refused) =>
    documents([
      named('Node', 'v1', 'node-a', {
        spec: { podCIDRs: [refused ? '10.244.1.0/240' : '10.244.1.0/24'] },
        status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
      }),
    ]),
  IPPool: (refused) =>
    documents([
      named('IPPool', 'knat.dev/v1', 'pods', {
        spec: { cidr: refused ? '10.200.0.0' : '10.200.0.0/16', natOutgoing: true },
      }),
      // Around the pod CIDR of the node: a part of its addresses is known from the Node too.
      named('IPPool', 'knat.dev/v1', 'nodes', {
        spec: { cidr: refused ? '10.244.0.0' : '10.244.0.0/16', natOutgoing: true },
      }),
      named('IPPool', 'knat.dev/v1', 'others', { spec: { cidr: '10.201.0.0/16', natOutgoing: true } }),
    ]),
  FelixConfiguration: (refused) =>
    documents([
      named('FelixConfiguration', 'projectcalico.org/v3', 'default', {
        spec: {
          natPortRange: refused ? 'many' : '20000:20999,21500:21999',
          natOutgoingAddress: '203.0.113.7',
          iptablesNATOutgoingInterfaceFilter: 'eth+',
          natOutgoingExclusions: 'IPPoolsAndHostIPs',
        },
      }),
    ]),
  Namespace: (refused) =>
    documents([named('Namespace', 'v1', 'mail', { metadata: { labels: { team: refused ? 1 : 'mail' } } })]),
  EgressRule: (refused) =>
    documents([
      named('EgressRule', 'knat.dev/v1', 'mail', {
        spec: {
          priority: 1,
          from: { namespaceSelector: { matchLabels: { team: 'mail' } } },
          action: 'Snat',
          addresses: ['203.0.113.7'],
          fallback: 'drop',
          to: [{ cidr: '198.51.100.0/24' }],
        },
      }),
      named('EgressRule', 'knat.dev/v1', 'keep', {
        spec: { priority: 2, action: refused ? 'Kept' : 'Keep', to: [{ cidr: '192.0.2.0/24' }] },
      }),
      named('EgressRule', 'knat.dev/v1', 'rest', {
        spec: { priority: 3, from: { pools: ['pods'] }, action: 'Snat', addresses: ['203.0.113.7'] },
      }),
      named('EgressRule', 'knat.dev/v1', 'others', {
        spec: { priority: 3, from: { pools: ['others'] }, action: 'Masquerade' },
      }),
    ]),
  ServiceCIDR: (refused) =>
    documents([
      named('ServiceCIDR', 'networking.k8s.io/v1', 'kubernetes', {
        spec: { cidrs: [refused ? 1 : '10.98.0.0/16'] },
      }),
    ]),
  IpMasqAgent: (refused) => `nonMasqueradeCIDRs: ${refused ? 'none' : '[172.16.0.0/12]'}\n`,
};

function documents(objects: readonly Json[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

const kinds = Object.keys(files) as FactKind[];
const addresses: NodeConfig = {
  nodeIPs: [ip('192.0.2.10')],
  localNodeIPs: [ip('192.0.2.10'), ip('203.0.113.7')],
  serviceCIDRs: [cidr('10.96.0.0/16')],
};
const ways: readonly (readonly [string, NodeConfig])[] = [
  ['pods recognised by addresses', addresses],
  [
    'pods recognised by an interface',
    { ...addresses, detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'cali' },
  ],
];

let folder: string;
let file: string;
let stop: AbortController;
let running: Promise<unknown> = Promise.resolve();
const filled = new Set<string>();

beforeAll(() => {
  enterFreshNamespace();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-unread-'));
  file = join(mkdtempSync(join(tmpdir(), 'knat-unread-file-')), 'ip-masq-agent');
});

afterEach(async () => {
  await end();
  nft('flush ruleset');
  rmSync(folder, { recursive: true });
});

function write(kind: FactKind, text: string): void {
  const path = kind === 'IpMasqAgent' ? file : join(folder, `${kind}.yaml`);
  writeFileSync(`${path}~`, text);
  renameSync(`${path}~`, path);
}

async function start(nodeConfig: NodeConfig): Promise<Status> {
  stop = new AbortController();
  const source = severalSources([dirSource(folder, { settleMs: 20 }), ipMasqAgentSource(file)]);
  const settings = { nodeName: 'node-a', nodeConfig, plan: defaultPlanOptions, source };
  const parts = { settings, logger: pino({ level: 'silent' }), version: 'test', once: false };
  running = runAgent(parts, stop.signal);
  return await untilStatus((status) => status.programmed !== null);
}

async function end(): Promise<void> {
  stop.abort();
  await running;
}

/** The lines of both tables, the elements of each set in order. */
function ruleset(): string[] {
  let place = '';
  return listRuleset()
    .replace(/elements = \{([^}]*)\}/g, (_, elements: string) =>
      elements
        .split(',')
        .map((element) => `\n* ${element.trim().replace(/\s+/g, ' ')}`)
        .sort()
        .join(''),
    )
    .split('\n')
    .map((line) => {
      const declared = /^\s*(?:set|map) (\w+) \{/.exec(line)?.[1];
      if (declared !== undefined) place = declared;
      if (line.startsWith('* ')) filled.add(place);
      return line.startsWith('* ') ? `${place} ${line}` : line.trim();
    });
}

describe.each(ways)('%s', (_, config) => {
  test.each(kinds)('%s', { timeout: 120_000 }, async (kind) => {
    for (const each of kinds) write(each, files[each](false));
    expect((await start(config)).problems).toEqual([]);
    const before = ruleset();
    await end();
    for (const broken of [files[kind](true), 'a: [']) {
      write(kind, broken);
      const { problems } = await start(config);
      expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
      expect(ruleset()).toEqual(before);
      await end();
    }
    write(kind, files[kind](false));
    expect((await start(config)).problems).toEqual([]);
    expect(ruleset()).toEqual(before);
  });
});

test('a rule that changed while a pool cannot be read applies to the known addresses', async () => {
  for (const each of kinds) write(each, files[each](false));
  await start(addresses);
  await end();
  write('IPPool', files.IPPool(true));
  write('EgressRule', files.EgressRule(false).replace('192.0.2.0/24', '192.0.3.0/24'));
  await start(addresses);
  const kept = ruleset().filter((line) => line.startsWith('egress_to *') && line.includes(' 10.244.'));
  const rest = (destination: string) => `. ${destination} . 0-255 . 0-65535 :`;
  const ranges = ['10.244.0.0/24', '10.244.2.0-10.244.255.255'];
  expect(kept.sort()).toEqual(
    [
      ...ranges.map((range) => `egress_to * ${range} ${rest('192.0.2.0/24')} accept`),
      ...ranges.map((range) => `egress_to * ${range} ${rest('198.51.100.0/24')} drop`),
      `egress_to * 10.244.1.0/24 ${rest('192.0.3.0/24')} accept`,
      `egress_to * 10.244.1.0/24 ${rest('198.51.100.0/24')} drop`,
    ].sort(),
  );
});

afterAll(() => {
  const empty = SET_NAMES.filter((set) => !filled.has(set));
  expect(empty, 'sets that the state of this test does not fill').toEqual([]);
});

test('every kind of object is named by a set of the table, or by the chains', () => {
  const named = new Set(allSets('IPv4').flatMap(({ objects }) => objects));
  expect(kinds.filter((kind) => !named.has(kind))).toEqual([]);
});
