import fc from 'fast-check';
import { planOnce } from '../../src/agent/offline.ts';
import type { TakenPorts } from '../../src/agent/taken-ports.ts';
import type { FactChange, ObjectKind } from '../../src/model/facts.ts';
import type { LocalAddress } from '../../src/model/node.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Planner } from '../../src/plan/planner.ts';
import { factChange, factKey, parseFact } from '../../src/sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import type { Manifest } from '../cluster/cluster-client.ts';
import { cidr } from '../generators/build.ts';
import { type KubeChange, kubeChange, NODE, POD_RANGES, SERVICE_RANGES } from '../generators/kube-objects.ts';
import type { Random } from './random.ts';

const nodeConfig = { podCIDRs: POD_RANGES.map(cidr), serviceCIDRs: SERVICE_RANGES.map(cidr) };
const signal = new AbortController().signal;

/** The content of the agent's `--node-config`. */
export const nodeConfigText = JSON.stringify({ podCIDRs: POD_RANGES, serviceCIDRs: SERVICE_RANGES });

/** What the machine knows of the node itself. */
export interface NodeState {
  readonly addresses: readonly LocalAddress[];
  readonly taken: TakenPorts;
}

/** The objects that stand in the source now. */
export class Objects {
  readonly #all = new Map<string, Manifest>();

  set(manifest: Manifest, stored: Manifest | null): void {
    if (stored === null) this.#all.delete(idOf(manifest));
    else this.#all.set(idOf(manifest), stored);
  }

  get(manifest: Manifest): Manifest | null {
    return this.#all.get(idOf(manifest)) ?? null;
  }

  all(): readonly Manifest[] {
    return [...this.#all.values()];
  }

  /** The plan of these objects from scratch, with one of them replaced if asked for. */
  async plan(node: NodeState, instead?: { of: Manifest; by: Manifest | null }): Promise<Planner> {
    const all = this.all().filter((one) => instead === undefined || idOf(one) !== idOf(instead.of));
    if (instead?.by) all.push(instead.by);
    return await planOf(all, node);
  }
}

/** One random change, as a person or a controller makes it. */
export function drawChange(random: Random): KubeChange {
  const [change] = fc.sample(kubeChange, { seed: random.below(2 ** 31), numRuns: 1 });
  return change as KubeChange;
}

async function planOf(manifests: readonly Manifest[], { addresses, taken }: NodeState): Promise<Planner> {
  const facts = factsOf(manifests);
  const source = {
    name: 'chaos',
    run: async (sink: { apply: (changes: typeof facts) => void; synced: () => void }) => {
      sink.apply(facts);
      sink.synced();
    },
  };
  const settings = { nodeName: NODE.name, nodeConfig, plan: defaultPlanOptions, source };
  return (await planOnce(settings, addresses, signal, taken)).planner;
}

function factsOf(manifests: readonly Manifest[]): FactChange[] {
  const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
  return manifests.map((manifest) => {
    const kind = manifest.kind as ObjectKind;
    const parsed = parseFact(kind, manifest, context);
    if (!parsed.ok) throw new TypeError(parsed.problems.map(({ message }) => message).join('; '));
    return factChange(kind, factKey(kind, manifest), parsed.fact);
  });
}

function idOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}
