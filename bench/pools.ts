/**
 * npm run bench:pools -- --pools N --pods N -o json
 *
 * Egress NAT with many pools that overlap, and EgressRules for pods: from facts to the kernel's acknowledgement, in a
 * fresh network namespace, beside the nft program doing the same to one set. bench/README.md says what is not measured.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NftablesDatapath } from '../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../src/model/facts.ts';
import type { PodFact } from '../src/model/pod.ts';
import type { PoolFact } from '../src/model/pool.ts';
import { addressFromNumber } from '../src/net/address.ts';
import { maskedPrefix } from '../src/net/prefix.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { egressRuleFact } from '../test/generators/build.ts';
import { node } from '../test/generators/large-cluster.ts';
import { costBetween, costOfChildren, costOfEach, round, startMeter } from './cost.ts';

const CHANGES = 200;
const signal = AbortSignal.timeout(300_000);

const { values } = parseArgs({
  options: {
    pools: { type: 'string', default: '1000' },
    pods: { type: 'string', default: '110' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const pools = Number(values.pools);
const pods = Number(values.pods);

if (values.role === 'outside') {
  const args = ['-n', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(spawnSync('unshare', [...args, '--role', 'inside'], { stdio: 'inherit' }).status ?? 1);
}
const result = await measure();
process.stdout.write(
  values.output === 'json'
    ? `${JSON.stringify(result, null, 2)}\n`
    : `${Object.entries(result)
        .map(([name, value]) => `${name.padEnd(14)} ${JSON.stringify(value)}`)
        .join('\n')}\n`,
);

async function measure() {
  const datapath = NftablesDatapath.open();
  const planner = new Planner(node, defaultPlanOptions);
  await datapath.converge(planner.update(), signal); // the skeleton alone
  const converge = async (changes: readonly FactChange[]): Promise<number> => {
    planner.apply(changes);
    const { elementsAdded, elementsDeleted } = await datapath.converge(planner.update(), signal);
    return elementsAdded + elementsDeleted;
  };
  const repeat = async (changeOf: (i: number) => readonly FactChange[]) => {
    let written = 0;
    const each = await costOfEach(CHANGES, async (i) => {
      written += await converge(changeOf(i));
    });
    return { ...each, elementsEach: round(written / CHANGES) };
  };

  const meter = startMeter();
  const elements = await converge(Array.from({ length: pools }, (_, i) => poolChange(pool(i))));
  const cold = meter();
  const again = await datapath.converge(planner.update(), signal);
  const one = (i: number) => {
    const index = (i * 7919) % pools;
    return [poolChange({ ...pool(index), natOutgoing: !pool(index).natOutgoing })];
  };
  const changed = await repeat(one);
  const added = await repeat((i) => [poolChange(pool(pools + i))]);
  planner.apply([ruleChange()]);
  for (let i = 0; i < pods; i++) planner.apply([podChange(i)]);
  await datapath.converge(planner.update(), signal);
  const podAdded = await repeat((i) => [podChange(pods + i)]);
  datapath.close();
  return {
    pools,
    cold,
    elements,
    writtenAgain: again.elementsAdded + again.elementsDeleted,
    poolChange: changed,
    poolAdd: added,
    podAdd: { pods, ...podAdded },
    baseline: { what: 'nft: one element of the same set', ...baseline() },
  };
}

/** The time of one run of the nft program that adds an element to the set of sources or deletes it. */
function baseline() {
  const times: number[] = [];
  const before = costOfChildren();
  for (let i = 0; i < 10; i++) {
    const begin = performance.now();
    for (const verb of ['add', 'delete']) {
      execFileSync('nft', [verb, 'element', 'ip', 'knat', 'egress_sources', '{ 203.0.113.0/24 }']);
    }
    times.push((performance.now() - begin) / 2);
  }
  times.sort((a, b) => a - b);
  return { p50Ms: round(times[5] ?? 0), each: costBetween(before, costOfChildren(), 20) };
}

/** Every fourth pool is nested in the one before it; every second has natOutgoing. */
function pool(i: number): PoolFact {
  const nested = i % 4 === 3;
  const block = BigInt(nested ? i - 1 : i);
  const cidr = maskedPrefix(addressFromNumber('IPv4', 0x0a00_0000n + (block << 12n)), nested ? 24 : 21);
  return { name: `pool-${i}`, cidr, natOutgoing: i % 2 === 0, disabled: false, loadBalancerOnly: false };
}

function poolChange(fact: PoolFact): FactChange {
  return { kind: 'IPPool', key: fact.name, fact };
}

function ruleChange(): FactChange {
  const fact = egressRuleFact({
    name: 'shop',
    podSelector: { matchLabels: { app: 'web' }, matchExpressions: [] },
    action: 'Snat',
    addresses: node.nodeIPs,
  });
  return { kind: 'EgressRule', key: fact.name, fact };
}

function podChange(i: number): FactChange {
  const fact: PodFact = {
    namespace: 'shop',
    name: `web-${i}`,
    uid: `uid-${i}`,
    createdAt: 0,
    labels: { app: 'web' },
    nodeName: node.nodeName,
    hostNetwork: false,
    finished: false,
    terminating: false,
    ready: true,
    ips: [addressFromNumber('IPv4', 0x0a00_0001n + BigInt(2 * i))],
    hostPorts: [],
    nat: null,
  };
  return { kind: 'Pod', key: `shop/${fact.name}`, fact };
}
