import { composeNodeFacts } from '../../../src/agent/node-facts.ts';
import { type AskedSettings, planSettings } from '../../../src/cli/options/plan-settings.ts';
import { podNatOptions } from '../../../src/cli/options/source.ts';
import type { FactChange } from '../../../src/model/facts.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { LocalAddress, NodeFacts } from '../../../src/model/node.ts';
import { familyOf } from '../../../src/net/address.ts';
import { FAMILIES } from '../../../src/net/family.ts';
import { Planner } from '../../../src/plan/planner.ts';
import { FolderState } from '../../../src/sources/dir/folder-state.ts';
import { withDefaults } from '../../../src/sources/dir/options.ts';
import { parseIpMasqAgentConfig } from '../../../src/sources/ip-masq-agent/config.ts';
import { factKey, factKindOf } from '../../../src/sources/objects/fact-object.ts';
import { readFileObjects } from '../../../src/sources/objects/file-objects.ts';
import type { ParseContext } from '../../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../../src/sources/objects/shared.ts';
import { ScenarioInvalid } from './parse.ts';
import type { ObjectName, Scenario, ScenarioNode, Step, WrittenObject } from './scenario.ts';

/** The objects, the node and its agent's plan, from one step of a scenario to the next. No kernel. */
export class World {
  readonly #settings: AskedSettings;
  readonly #context: ParseContext;
  /** By `Pod/shop/web-0`; objects of several API groups stand beside each other. */
  readonly #objects = new Map<string, WrittenObject[]>();
  #node: ScenarioNode;
  #masqAgent: { readonly change: FactChange | null; readonly problems: readonly Finding[] } | null = null;
  #folder = new FolderState();
  #planner: Planner;

  static async of(scenario: Scenario): Promise<World> {
    const settings = await planSettings({ ...scenario.agent, source: { kind: 'dir', path: '/' } });
    return new World(scenario, settings);
  }

  private constructor({ node, agent }: Scenario, settings: AskedSettings) {
    this.#settings = settings;
    this.#node = node;
    const { nodePortRange } = withDefaults({});
    this.#context = {
      shared: new SharedValues(),
      podNat: podNatOptions(agent),
      nodePortRange: agent.serviceNodePortRange ?? nodePortRange,
      debug: () => {},
    };
    this.#planner = this.#newPlanner();
  }

  /** Of the agent that runs now. */
  get planner(): Planner {
    return this.#planner;
  }

  /** The objects that could not be read. */
  get problems(): Finding[] {
    return [...[...this.#folder.problems().values()].flat(), ...(this.#masqAgent?.problems ?? [])];
  }

  /** Carries the step out and computes the plan. Throws ScenarioInvalid for what cannot be done. */
  take(step: Step): void {
    this.#node = { ...this.#node, ...step.node };
    for (const object of step.apply) this.#apply(object);
    for (const name of step.delete) this.#delete(name);
    for (const name of step.ready) this.#setReady(name, true);
    for (const name of step.notReady) this.#setReady(name, false);
    if (step.ipMasqAgent !== undefined) this.#readMasqAgent(step.ipMasqAgent);
    if (step.restart) this.#restart();
    this.#planner.apply(this.#folder.takeChanges());
    if (this.#masqAgent?.change != null) this.#planner.apply([this.#masqAgent.change]);
    this.#planner.setNode(this.#nodeFacts());
    this.#planner.update();
  }

  #restart(): void {
    this.#folder = new FolderState();
    this.#planner = this.#newPlanner();
    for (const [id, written] of this.#objects) {
      for (const [index, object] of written.entries()) this.#read(pathOf(id, index), object);
    }
  }

  #newPlanner(): Planner {
    const unknown = composeNodeFacts(this.#node.name, undefined, this.#node.config, []);
    return new Planner(unknown, this.#settings.plan);
  }

  #apply(object: WrittenObject): void {
    const { apiVersion, kind } = object.value as Readonly<Record<string, unknown>>;
    const known = factKindOf(String(apiVersion), String(kind));
    if (known === null) {
      throw new ScenarioInvalid([
        `${object.originOf('kind')}: ${apiVersion} ${kind} is of no kind that knat reads: remove it, or mend apiVersion and kind`,
      ]);
    }
    const key = factKey(known.kind, object.value);
    if (key === '')
      throw new ScenarioInvalid([
        `${object.originOf('metadata')}: the object has no name: add metadata.name`,
      ]);
    const id = idOf(known.kind, key);
    const others = this.#objects.get(id) ?? [];
    const same = others.findIndex(
      ({ value }) => (value as { apiVersion?: unknown }).apiVersion === apiVersion,
    );
    const index = same < 0 ? others.length : same;
    this.#objects.set(id, [...others.slice(0, index), object, ...others.slice(index + 1)]);
    this.#read(pathOf(id, index), object);
  }

  #delete(name: ObjectName): void {
    const [id, written] = this.#find(name);
    for (const index of written.keys()) this.#folder.removeFile(pathOf(id, index));
    this.#objects.delete(id);
  }

  /** The Pod's condition, and that of its addresses in EndpointSlices, as the controllers of a cluster do. */
  #setReady(name: ObjectName, ready: boolean): void {
    const [id, [pod]] = this.#find(name);
    const value = structuredClone(pod?.value) as PodShape;
    value.status ??= {};
    const others = (value.status.conditions ?? []).filter(({ type }) => type !== 'Ready');
    value.status.conditions = [...others, { type: 'Ready', status: ready ? 'True' : 'False' }];
    this.#replace(id, value);
    const ips = new Set([value.status.podIP, ...(value.status.podIPs ?? []).map(({ ip }) => ip)]);
    for (const [other, [written]] of this.#objects) {
      if (!other.startsWith('endpointslice/')) continue;
      const slice = structuredClone(written?.value) as SliceShape;
      const own = (slice.endpoints ?? []).filter(({ addresses }) => addresses?.some((each) => ips.has(each)));
      if (own.length === 0) continue;
      for (const endpoint of own) endpoint.conditions = { ...endpoint.conditions, ready, serving: ready };
      this.#replace(other, slice);
    }
  }

  #replace(id: string, value: unknown): void {
    const [first] = this.#objects.get(id) ?? [];
    if (first !== undefined) this.#apply({ ...first, value });
  }

  #find({ text, origin }: ObjectName): [string, readonly WrittenObject[]] {
    const [kind = '', ...names] = text.split('/');
    const lower = kind.toLowerCase() === 'svc' ? 'service' : kind.toLowerCase();
    const id = [idOf(lower, names.join('/')), idOf(lower, `default/${names.join('/')}`)].find((each) =>
      this.#objects.has(each),
    );
    if (id !== undefined) return [id, this.#objects.get(id) ?? []];
    const there = [...this.#objects.keys()].filter((each) => each.startsWith(`${lower}/`));
    throw new ScenarioInvalid([
      `${origin}: there is no ${text} at this step; there are ${there.join(', ') || 'none of this kind'}`,
    ]);
  }

  #read(path: string, object: WrittenObject): void {
    const contents = readFileObjects(JSON.stringify(object.value), path, this.#context);
    const problems = contents.problems.map((problem) => ({
      ...problem,
      origin: object.originOf(problem.field),
    }));
    this.#folder.setFile(path, { ...contents, problems });
  }

  /** As in the agent: if the file cannot be used, the previous one stays in force. */
  #readMasqAgent(text: string): void {
    const { config, problems } = parseIpMasqAgentConfig(text, 'ip-masq-agent');
    const change: FactChange | null =
      config === null
        ? (this.#masqAgent?.change ?? null)
        : { kind: 'IpMasqAgent', key: 'ip-masq-agent', fact: config.fact };
    this.#masqAgent = { change, problems };
  }

  #nodeFacts(): NodeFacts {
    const { name, addresses, programs, config } = this.#node;
    const interfaces = addresses.map((address, index): LocalAddress => {
      const isFirst = addresses.findIndex((each) => familyOf(each) === familyOf(address)) === index;
      const byRoute = isFirst ? 'source' : null;
      return { address, interfaceName: 'eth0', eligible: true, onDefaultRoute: true, byRoute };
    });
    const listeners = programs.map(({ address, protocol, port }) => {
      return { address, protocol, port, families: address === null ? FAMILIES : [familyOf(address)] };
    });
    const wanted = { ...config, ...this.#settings.nodeConfig };
    return composeNodeFacts(name, this.#planner.nodes.get(name), wanted, interfaces, {
      listeners,
      portRules: [],
      reservedPorts: [],
    });
  }
}

const idOf = (kind: string, key: string) => `${kind.toLowerCase()}/${key}`;
const pathOf = (id: string, index: number) => `${id} ${index}`;

/** What of a Pod is looked at here. */
interface PodShape {
  status?: {
    podIP?: string;
    podIPs?: { ip: string }[];
    conditions?: { type: string; status: string }[];
  };
}

interface SliceShape {
  endpoints?: { addresses?: string[]; conditions?: Record<string, boolean> }[];
}
