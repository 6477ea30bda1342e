import { readFileSync } from 'node:fs';
import type { FactChange, ObjectKind } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { parseLoosePrefix } from '../../src/net/prefix.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { factChange, factKey, parseFact } from '../../src/sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import { ip } from '../generators/build.ts';
import type { Target } from '../netns/stage.ts';

/** A flow of a record, with what kube-proxy does about it. `masq` holds for `dnat` only. */
export interface RecordedFlow {
  readonly name: string;
  readonly sourceIP: string;
  readonly protocol: string;
  readonly destIP: string;
  readonly destPort: number;
  readonly verdict: 'dnat' | 'reject' | 'drop' | 'none';
  readonly endpoints: readonly string[];
  readonly masq: boolean;
}

export interface ConformanceRecord {
  readonly id: string;
  readonly test: string;
  readonly config: {
    readonly nodeName: string;
    readonly nodeIP: string;
    readonly localNodeIPs: readonly string[];
    readonly podCIDRs: readonly string[];
    readonly serviceCIDRs: readonly string[];
    readonly nodePortAddresses: readonly string[] | null;
    readonly masqueradeAll: boolean;
    readonly topologyLabels: Readonly<Record<string, string>>;
  };
  readonly services: readonly unknown[];
  readonly endpointSlices: readonly unknown[];
  readonly flows: readonly RecordedFlow[];
}

/** The records of the project, in the folder that the commands are run in. */
export const OUR_RECORDS = 'test/conformance/service-flows.json';

export function readRecords(file: string = OUR_RECORDS): ConformanceRecord[] {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The plan of a record's objects. */
export function planOf(record: ConformanceRecord): NatPlan {
  const planner = new Planner(nodeOf(record), defaultPlanOptions);
  planner.apply(changesOf(record));
  return planner.update();
}

/** The node that a record is about. */
export function nodeOf({ config }: ConformanceRecord): NodeFacts {
  const prefixes = (texts: readonly string[]) =>
    texts.map((text) => {
      const prefix = parseLoosePrefix(text);
      if (prefix === null) throw new TypeError(`${text} is no prefix`);
      return prefix;
    });
  return {
    nodeName: config.nodeName,
    nodeIPs: [ip(config.nodeIP)],
    localAddresses: config.localNodeIPs.map((address) => {
      return {
        address: ip(address),
        interfaceName: '',
        eligible: true,
        onDefaultRoute: false,
        byRoute: null,
      };
    }),
    podCIDRs: prefixes(config.podCIDRs),
    podAddressesFrom: [],
    podInterface: null,
    podNetworks: [],
    serviceCIDRs: prefixes(config.serviceCIDRs),
    nodePortAddresses: config.nodePortAddresses === null ? null : prefixes(config.nodePortAddresses),
    masqueradeAll: config.masqueradeAll,
    topologyLabels: config.topologyLabels,
    listeners: [],
    portRules: [],
    reservedPorts: [],
  };
}

/** Every endpoint that a packet of the record may reach, right or wrong: every address and port of its slices. */
export function listenersOf(record: ConformanceRecord): Target[] {
  return changesOf(record).flatMap(({ kind, fact }) => {
    if (kind !== 'EndpointSlice' || fact === null) return [];
    return fact.endpoints.flatMap(({ address }) =>
      fact.ports.map(({ protocol, port }) => ({ address, protocol, port })),
    );
  });
}

/** The objects of a record, read by the parsers of the sources. Throws when one of them is rejected. */
function changesOf(record: ConformanceRecord): FactChange[] {
  const shared = new SharedValues();
  const read = (kind: ObjectKind, object: unknown): FactChange => {
    const parsed = parseFact(kind, object, { shared, podNat: defaultPodNatOptions, debug: () => {} });
    if (!parsed.ok) throw new TypeError(parsed.problems.map(({ message }) => message).join('; '));
    return factChange(kind, factKey(kind, object), parsed.fact);
  };
  return [
    ...record.services.map((object) => read('Service', object)),
    ...record.endpointSlices.map((object) => read('EndpointSlice', object)),
  ];
}
