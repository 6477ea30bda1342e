import { expect, test } from 'vitest';
import { serviceFact, sliceFact } from '../../../test/generators/large-cluster.ts';
import type { Report } from '../../datapath/datapath.ts';
import type { FactChange } from '../../model/facts.ts';
import type { ServiceFact } from '../../model/service.ts';
import { parseAddress } from '../../net/address.ts';
import { Findings } from '../../observe/findings.ts';
import { Observations } from '../../observe/observations.ts';
import { countPlan } from '../../observe/status.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import type { AgentFacts, Companion } from '../companion.ts';
import { composeNodeFacts } from '../node-facts.ts';
import { observing } from './observing.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

/** An agent's facts with a clock of the test's own. */
class Desk {
  now = START;
  failure: { message: string; since: string } | null = null;
  readonly planner = new Planner(composeNodeFacts('node-here', undefined, {}, null), defaultPlanOptions);
  readonly findings = new Findings(this.planner.plan, () => {});
  readonly observations: Observations;
  #revision: number | null = null;
  readonly companion: Required<Pick<Companion, 'delivered' | 'converging' | 'converged'>> & Companion;

  constructor(kubeProxyNames = true) {
    this.observations = new Observations({ kubeProxyNames });
    const agent = {
      planner: this.planner,
      observations: this.observations,
      surroundings: { wallClock: () => new Date(this.now) },
      status: () => ({
        version: '1.2.3',
        capabilities: { kernel: '6.12' },
        counts: countPlan(this.planner.plan),
        failure: this.failure,
        synced: true,
      }),
      findings: this.findings,
    } as unknown as AgentFacts;
    this.companion = observing(agent) as Desk['companion'];
  }

  deliver(...changes: FactChange[]): void {
    this.companion.delivered(changes);
    this.planner.apply(changes);
  }

  /** One converge that takes 2 ms. */
  converge(report: Partial<Report> = {}): void {
    this.companion.converging();
    const plan = this.planner.update();
    const done: Report = {
      revision: plan.revision,
      skeleton: 'kept',
      elementsAdded: 3,
      elementsDeleted: 1,
      compared: 'changes',
      gone: null,
      changedSources: null,
      refused: [],
      ...report,
    };
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = plan.revision;
    this.companion.converged({ report: done, plan, changed, milliseconds: 2 });
  }

  /** Value of the series, as the text of a scrape has it. */
  async scrape(series: string): Promise<number | undefined> {
    const { body } = await this.observations.metrics.text();
    const line = body.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }
}

function service(index: number, more: Partial<ServiceFact> = {}): FactChange {
  const fact = { ...serviceFact(index), ...more };
  return { kind: 'Service', key: `${fact.namespace}/${fact.name}`, fact };
}

function slice(index: number, lastChangeTriggerAt: number | null = null): FactChange {
  const fact = { ...sliceFact(index, 2), lastChangeTriggerAt };
  return { kind: 'EndpointSlice', key: `${fact.namespace}/${fact.name}`, fact };
}

test('durations, elements and time stamps of what succeeded and what failed', async () => {
  const desk = new Desk();
  desk.deliver(service(0), slice(0));
  desk.converge({ skeleton: 'loaded', compared: 'everything' });
  desk.now += 5_000;
  desk.companion.failed?.({ message: 'no', milliseconds: 100 });
  desk.converge();
  const seconds = 'knat_converge_duration_seconds';
  expect(await desk.scrape(`${seconds}_count{outcome="success"}`)).toBe(2);
  expect(await desk.scrape(`${seconds}_bucket{le="0.0016",outcome="success"}`)).toBe(0);
  expect(await desk.scrape(`${seconds}_bucket{le="0.0032",outcome="success"}`)).toBe(2);
  expect(await desk.scrape(`${seconds}_sum{outcome="failure"}`)).toBe(0.1);
  expect(await desk.scrape('knat_elements_changed_total{operation="add"}')).toBe(6);
  expect(await desk.scrape('knat_elements_changed_total{operation="delete"}')).toBe(2);
  expect(await desk.scrape('knat_skeleton_loads_total{how="loaded"}')).toBe(1);
  expect(await desk.scrape('knat_skeleton_loads_total{how="swapped"}')).toBe(0);
  expect(await desk.scrape('knat_last_converge_timestamp_seconds')).toBe(START / 1000 + 5);
  const proxy = 'kubeproxy_sync';
  expect(await desk.scrape(`${proxy}_full_proxy_rules_duration_seconds_count{ip_family="IPv6"}`)).toBe(1);
  expect(await desk.scrape(`${proxy}_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}`)).toBe(1);
  expect(await desk.scrape(`${proxy}_proxy_rules_duration_seconds_count{ip_family="IPv4"}`)).toBe(2);
  expect(await desk.scrape(`${proxy}_proxy_rules_last_timestamp_seconds{ip_family="IPv4"}`)).toBe(
    START / 1000 + 5,
  );
  expect(await desk.scrape(`${proxy}_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"}`)).toBe(1);
});

test('sizes of the plan follow the objects', async () => {
  const desk = new Desk();
  desk.deliver(service(0), slice(0), service(1), slice(1));
  desk.converge();
  const frontends = await desk.scrape('knat_plan_entries{kind="frontend"}');
  expect(frontends).toBeGreaterThan(1);
  expect(await desk.scrape('knat_plan_entries{kind="address"}')).toBe(2);
  const gone = service(1);
  desk.deliver({ ...gone, fact: null } as FactChange);
  desk.converge();
  expect(await desk.scrape('knat_plan_entries{kind="address"}')).toBe(1);
  expect(await desk.scrape('knat_source_changes_total{kind="Service"}')).toBe(3);
  expect(await desk.scrape('knat_build_info{version="1.2.3",kernel="6.12"}')).toBe(1);
});

test('changes are pending until the converge that has them is done; a failed one keeps them', async () => {
  const desk = new Desk();
  const pending = () => desk.scrape('kubeproxy_sync_proxy_rules_endpoint_changes_pending');
  desk.deliver(slice(0), slice(0), slice(1));
  expect(await pending()).toBe(2);
  expect(await desk.scrape('kubeproxy_sync_proxy_rules_endpoint_changes_total')).toBe(3);
  desk.companion.converging();
  desk.companion.failed?.({ message: 'no', milliseconds: 1 });
  expect(await pending()).toBe(2);
  desk.converge();
  expect(await pending()).toBe(0);
  desk.companion.converging();
  desk.deliver(service(3)); // while the kernel is being written
  const plan = desk.planner.plan;
  const report = {
    revision: 1,
    skeleton: 'kept',
    elementsAdded: 0,
    elementsDeleted: 0,
    compared: 'changes',
    gone: null,
    changedSources: null,
    refused: [],
  } as const;
  desk.companion.converged({ report, plan, changed: null, milliseconds: 1 });
  expect(await desk.scrape('kubeproxy_sync_proxy_rules_service_changes_pending')).toBe(1);
});

test('network programming: from the trigger of the slice to the kernel, once for each trigger', async () => {
  const desk = new Desk();
  const name = 'kubeproxy_network_programming_duration_seconds';
  const count = () => desk.scrape(`${name}_count{ip_family="IPv4"}`);
  desk.deliver(slice(0, START - 60_000)); // before this agent
  desk.converge();
  expect(await count()).toBe(0);
  desk.now = START + 3_000;
  desk.deliver(slice(0, START + 1_500));
  desk.companion.converging();
  desk.companion.failed?.({ message: 'no', milliseconds: 1 });
  desk.now = START + 4_000;
  desk.converge();
  expect(await count()).toBe(1);
  expect(await desk.scrape(`${name}_sum{ip_family="IPv4"}`)).toBe(2.5);
  desk.deliver(slice(0, START + 1_500)); // listed again
  desk.converge();
  expect(await count()).toBe(1);
});

test('Services with policy Local and endpoints elsewhere only', async () => {
  const desk = new Desk();
  const name = 'kubeproxy_sync_proxy_rules_no_local_endpoints_total';
  const count = (policy: string) => desk.scrape(`${name}{ip_family="IPv4",traffic_policy="${policy}"}`);
  const external = parseAddress('203.0.113.9');
  if (external === null) throw new Error('no address');
  const local = { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' } as const;
  desk.deliver(service(0, { ...local, externalIPs: [external] }), slice(0), service(1, local));
  desk.converge();
  expect([await count('internal'), await count('external')]).toEqual([1, 1]); // the second has no endpoint at all
  desk.deliver(service(0, { internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster' }));
  desk.converge();
  expect([await count('internal'), await count('external')]).toEqual([0, 0]);
});

test('activity: work and findings, repetitions are counted, nothing appears twice', async () => {
  const desk = new Desk();
  const kinds = () => desk.observations.activity.since(0).map(({ kind, times }) => `${kind} ${times}`);
  const address = parseAddress('203.0.113.9');
  if (address === null) throw new Error('no address');
  desk.deliver(service(0, { externalIPs: [address] }));
  desk.converge();
  desk.converge();
  expect(kinds()).toEqual(['started 1', 'programmed 2']);
  desk.deliver(service(1, { externalIPs: [address], ports: serviceFact(0).ports, createdAt: START }));
  desk.converge();
  desk.converge({ elementsAdded: 0, elementsDeleted: 0 });
  expect(kinds()).toEqual(['started 1', 'programmed 3', 'conflict 1']);
  desk.companion.disturbed?.('table ip knat');
  desk.converge();
  desk.companion.failed?.({ message: 'busy', milliseconds: 1 });
  desk.companion.failed?.({ message: 'busy', milliseconds: 1 });
  desk.converge({ elementsAdded: 0, elementsDeleted: 0 });
  const gone = service(1);
  desk.deliver({ ...gone, fact: null } as FactChange);
  desk.converge();
  expect(kinds().slice(3)).toEqual([
    'disturbed 1',
    'healed 1',
    'failed 2',
    'recovered 1',
    'programmed 1',
    'conflict-over 1',
  ]);
  expect(await desk.scrape('knat_heals_total')).toBe(1);
  expect(await desk.scrape('knat_foreign_changes_total')).toBe(1);
  const last = desk.observations.activity.newest;
  expect(desk.observations.activity.since(last - 1)).toHaveLength(1);
});

test('problems by code; those that are mended are gone', async () => {
  const desk = new Desk();
  const problem = {
    code: 'KNAT_X',
    severity: 'error',
    origin: '',
    object: null,
    field: '',
    message: 'm',
  } as const;
  desk.findings.ofSource('here', [problem, { ...problem, origin: 'b' }]);
  expect(await desk.scrape('knat_problems{code="KNAT_X",severity="error"}')).toBe(2);
  expect(await desk.scrape('knat_source_troubles')).toBe(2);
  desk.findings.ofSource('here', []);
  expect(await desk.scrape('knat_problems{code="KNAT_X",severity="error"}')).toBeUndefined();
  desk.failure = { message: 'no', since: '2026-01-01T00:00:10Z' };
  expect(await desk.scrape('knat_failing_since_timestamp_seconds')).toBe(START / 1000 + 10);
});

test("without Service NAT there is nothing under kube-proxy's names", async () => {
  const desk = new Desk(false);
  desk.deliver(service(0), slice(0));
  desk.converge();
  const { body, type } = await desk.observations.metrics.text();
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(body).not.toContain('kubeproxy_');
  expect(body).toContain('process_resident_memory_bytes');
});
