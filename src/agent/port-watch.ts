import {
  ALL_PORTS,
  fullestOfEach,
  type PortCapacity,
  PortCounter,
  SourceCounter,
  WARN_AT,
  WELL_BELOW,
} from '../flows/port-usage.ts';
import type { PortUsage, PortUsageSample } from '../forms/flows.ts';
import { firstFew } from '../model/text.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../net/address.ts';
import { countPorts } from '../net/port.ts';
import type { Metrics } from '../observe/metrics/metrics.ts';
import { sourcePortsKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';
import type { FlowSettings } from './settings.ts';

/** Milliseconds between two looks; longer if a look takes long, so that looking takes at most 2 % of the time. */
const LOOK_EVERY = 30_000;
const REST_PER_WORK = 50;
/** Maximum number of tuples in a sample. */
const SHOWN = 20;
/** Maximum number of tuples and names in the warning. */
const WARNED = 5;
const NAMED = 3;

const PORTS_CODE = 'KNAT_PORTS_NEARLY_TAKEN';

/**
 * Source ports that the plan has for translated connections: those without an owner; within natPortRange for addresses
 * that no bound pod uses. All of the kernel's ports if the plan does not say.
 */
export function plannedPorts(plan: Pick<NatPlan, 'entry' | 'entries'>): PortCapacity {
  const ofPods = new Set<IpAddress>();
  for (const entry of plan.entries()) if (entry.kind === 'PodSource') ofPods.add(entry.snat);
  return (protocol, address) => {
    const entry = plan.entry(sourcePortsKey(familyOf(address)));
    if (entry?.kind !== 'SourcePorts') return ALL_PORTS;
    const { any, egress } = entry;
    return countPorts((ofPods.has(address) ? any : (egress ?? any))[protocol]);
  };
}

/** Sets gauges from the last look. */
export function tellPorts(metrics: Metrics, last: () => PortUsageSample | null): void {
  metrics.collect('knat_conntrack_entries', (set) => {
    const sample = last();
    if (sample !== null) set({}, sample.entries);
  });
  metrics.collect('knat_source_ports_used', (set) => {
    for (const { protocol, address, used } of fullestOfEach(last()?.tuples ?? []))
      set({ protocol, address }, used);
  });
  metrics.collect('knat_source_ports_used_ratio', (set) => {
    for (const { protocol, address, share } of fullestOfEach(last()?.tuples ?? [])) {
      set({ protocol, address }, share);
    }
  });
}

/** Counts source ports in use at regular intervals, and warns before they run out. */
export class PortWatch {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;
  readonly #capacity: PortCapacity | undefined;
  readonly #lookEvery: number;
  readonly #addresses = new Set<IpAddress>();
  #sample: PortUsageSample | null = null;
  readonly #warned = new Set<string>();

  constructor(
    agent: AgentFacts,
    memory: FlowMemory,
    { portCapacity, lookEvery = LOOK_EVERY }: Pick<FlowSettings, 'portCapacity' | 'lookEvery'>,
  ) {
    this.#agent = agent;
    this.#memory = memory;
    this.#capacity = portCapacity;
    this.#lookEvery = lookEvery;
  }

  /** Null before the first look. */
  get sample(): PortUsageSample | null {
    return this.#sample;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    // At the start there may be no flows, and users want to see some soon.
    let rest = this.#lookEvery / 6;
    while (!signal.aborted) {
      const { milliseconds } = await this.#tryToLook(signal);
      await surroundings.sleep(Math.max(rest, milliseconds * REST_PER_WORK), signal);
      rest = this.#lookEvery;
    }
  }

  /** A failed look is only logged: the kernel may be short of memory. Before the first plan there is no look. */
  async #tryToLook(signal: AbortSignal): Promise<Pick<PortUsageSample, 'milliseconds'>> {
    if (!this.#agent.planner.isPlanned) return { milliseconds: 0 };
    try {
      return await this.look(signal);
    } catch (error) {
      if (!signal.aborted) this.#agent.logger.warn({ err: error }, 'the ports in use could not be counted');
      return { milliseconds: 0 };
    }
  }

  async look(signal: AbortSignal): Promise<PortUsageSample> {
    const { surroundings } = this.#agent;
    const at = surroundings.wallClock().toISOString();
    const start = surroundings.now();
    const ports = new PortCounter(this.#addresses);
    let entries = 0;
    await visitEveryFlow((flow) => {
      entries++;
      ports.add(flow);
    }, signal);
    const found = ports.fullest(SHOWN, this.#capacity ?? plannedPorts(this.#agent.planner.plan));
    const sources = new SourceCounter(found);
    if (!sources.isIdle) await visitEveryFlow((flow) => sources.add(flow), signal);
    const names = this.#memory.names();
    const tuples = found.map((tuple) => sources.complete(tuple, (address) => names.of(address)));
    const milliseconds = Math.round(surroundings.now() - start);
    this.#sample = { at, milliseconds, entries, tuples, uncertainty: ports.uncertainty };
    this.#agent.findings.trouble(PORTS_CODE, this.#warning(tuples));
    return this.#sample;
  }

  /** Text about nearly full tuples. It changes only when they do, since each new text is reported. */
  #warning(tuples: readonly PortUsage[]): string | null {
    const full = tuples.filter((tuple) => {
      const key = `${tuple.protocol} ${tuple.address} ${tuple.destination} ${tuple.destinationPort}`;
      if (tuple.share >= (this.#warned.has(key) ? WELL_BELOW : WARN_AT)) this.#warned.add(key);
      else this.#warned.delete(key);
      return this.#warned.has(key);
    });
    if (full.length === 0) {
      this.#warned.clear();
      return null;
    }
    return `source ports run out: ${firstFew(full.map(warningText), WARNED, '; ')}`;
  }
}

function warningText({
  protocol,
  address,
  destination,
  destinationPort,
  capacity,
  share,
  sources,
}: PortUsage): string {
  const tenth = Math.floor(share * 10) * 10;
  const names = sources.slice(0, NAMED).map(({ name }) => name);
  const whose = names.length === 0 ? '' : `, most of them by ${names.sort().join(', ')}`;
  return (
    `from ${address} to ${formatEndpoint(destination, destinationPort)}/${protocol} ` +
    `${tenth} % or more of ${capacity} are taken${whose}`
  );
}
