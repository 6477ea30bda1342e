import { formatRef } from '../model/object.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import type { Protocol } from '../net/protocol.ts';
import type { AddressRange, AddressSet } from '../net/ranges.ts';
import { formatDestination } from '../plan/canonical.ts';
import type { EgressChoice, EgressSource, PodSource, PodSourcePort } from '../plan/entry.ts';
import type { Comparison } from './comparison.ts';
import { FOR_EXPLANATIONS, type Ground, labelPools, labelSetting } from './ground.ts';
import { AFTER, ALIKE, BEFORE, everyAddress, Labels, singleAddress } from './partition.ts';
import { type Both, SIDES, type SourceEntry } from './sides.ts';
import { type SourcePortCell, sourcePortCells } from './source-ports.ts';

/** Sources that every rule treats alike, except those that name the source itself: hairpins and allowed ranges. */
export interface SourceKind {
  readonly addresses: AddressSet;
  readonly representative: IpAddress;
  /** Whether a rule about sources differs. */
  readonly differs: boolean;
  /** Whether one differs that Services ask: what a pod is, what is masqueraded to a ClusterIP, the node's own. */
  readonly differsToServices: boolean;
  /** The EgressRules for these sources. */
  readonly choices: Both<readonly EgressChoice[]>;
  /** Equal for kinds with the same rules. */
  readonly rules: string;
  /** Whether a rule for these sources names a protocol. */
  readonly asksProtocol: boolean;
  sourcePorts(protocol: Protocol): readonly SourcePortCell[];
}

/** Labels of bound pods begin so. */
const BOUND = 'bound';
const FOR_SERVICES = ['pod', 'cluster-ip', 'own', 'pod-interface', 'unmasqueraded'];

/** The partition of all sources of a family. */
export function sourceKinds(ground: Ground, comparison: Comparison): SourceKind[] {
  const { family, scope, own } = ground;
  const { before, after } = scope;
  const labels = new Labels(family);
  labels.add('any', ALIKE, everyAddress(family));
  labels.addBoth('pod', { before: before.pods.ranges, after: after.pods.ranges });
  labels.addBoth('cluster-ip', {
    before: before.masqueradeToClusterIP.ranges,
    after: after.masqueradeToClusterIP.ranges,
  });
  labels.addBoth('own', own);
  labelSetting(labels, family, 'pod-interface', { before: before.podInterface, after: after.podInterface });
  const unmasqueraded = {
    before: before.unmasqueradedInterface,
    after: after.unmasqueradedInterface,
  };
  labelSetting(labels, family, 'unmasqueraded', unmasqueraded);
  const egress = { before: before.egressInterface, after: after.egressInterface };
  labelSetting(labels, family, 'egress-interface', egress);
  const becomes = { before: before.egress.address ?? 'node', after: after.egress.address ?? 'node' };
  if (becomes.before === becomes.after) {
    labels.addBoth('egress', { before: before.egressSources.ranges, after: after.egressSources.ranges });
  } else {
    const all = everyAddress(family);
    for (const side of SIDES) {
      const asked = scope[side].egressInterface === null ? scope[side].egressSources.ranges : all;
      labels.add(`egress ${becomes[side]}`, side === 'before' ? BEFORE : AFTER, asked);
    }
    labels.addBoth('egress', { before: before.egressSources.ranges, after: after.egressSources.ranges });
  }
  labelPools(labels, ground);
  const entries = entriesByLabel(ground, comparison);
  for (const [name, { sides, ranges }] of entries.ranges) labels.add(name, sides, ranges);
  return labels.parts().map((part): SourceKind => {
    const differing = [...part.labels].flatMap(([name, sides]) =>
      sides === ALIKE || name.startsWith(FOR_EXPLANATIONS) ? [] : [name.split(' ')[0] ?? ''],
    );
    const of = (side: keyof Both<unknown>) =>
      entriesAt(comparison[side].plan.egressSource(part.representative));
    const choices = { before: of('before'), after: of('after') };
    const rules = SIDES.map((side) => rulesText(choices[side])).join(' | ');
    const cells = new Map<Protocol, readonly SourcePortCell[]>();
    return {
      addresses: part.addresses,
      representative: part.representative,
      differs: differing.length > 0,
      differsToServices: differing.some((name) => FOR_SERVICES.includes(name)),
      choices,
      rules,
      asksProtocol:
        [...part.labels.keys()].some((name) => name.startsWith(BOUND)) ||
        SIDES.some((side) => choices[side].some(({ to }) => to?.some(({ protocol }) => protocol !== null))),
      sourcePorts: (protocol) => {
        let known = cells.get(protocol);
        if (known === undefined) {
          known = sourcePortCells(comparison, entries.ports, part.representative, protocol);
          cells.set(protocol, known);
        }
        return known;
      },
    };
  });
}

function entriesAt(source: EgressSource | undefined): readonly EgressChoice[] {
  return source?.choices ?? [];
}

/** What rules say to a source, in their order; equal for equal choices. */
function rulesText(choices: readonly EgressChoice[]): string {
  return choices.map(choiceText).join('; ');
}

const choiceTexts = new WeakMap<EgressChoice, string>();

function choiceText(choice: EgressChoice): string {
  let text = choiceTexts.get(choice);
  if (text === undefined) {
    const { rule, reason, to, outcome, fallback } = choice;
    text = JSON.stringify([rule, reason, to === null ? null : to.map(formatDestination), outcome, fallback]);
    choiceTexts.set(choice, text);
  }
  return text;
}

interface LabelledRanges {
  readonly sides: number;
  readonly ranges: AddressRange[];
}

function entriesByLabel({ family }: Ground, { sourceEntries }: Comparison) {
  const ranges: [string, LabelledRanges][] = [];
  const ports = {
    before: new Map<IpAddress, PodSourcePort[]>(),
    after: new Map<IpAddress, PodSourcePort[]>(),
  };
  for (const side of SIDES) {
    const sides = side === 'before' ? BEFORE : AFTER;
    for (const entry of sourceEntries[side]) {
      if (familyOfEntry(entry) !== family) continue;
      if (entry.kind === 'EgressSource') {
        ranges.push([`rules ${rulesText(entry.choices)}`, { sides, ranges: [entry.range] }]);
        continue;
      }
      const address = entry.kind === 'PodSource' ? entry.address : entry.tuple.address;
      ranges.push([boundText(entry), { sides, ranges: [singleAddress(addressNumber(address))] }]);
      if (entry.kind !== 'PodSourcePort') continue;
      const known = ports[side].get(address);
      if (known === undefined) ports[side].set(address, [entry]);
      else known.push(entry);
    }
  }
  return { ranges, ports };
}

function familyOfEntry(entry: SourceEntry) {
  if (entry.kind === 'EgressSource') return entry.family;
  return familyOf(entry.kind === 'PodSource' ? entry.address : entry.tuple.address);
}

function boundText(entry: PodSource | PodSourcePort): string {
  const owner = formatRef(entry.owner);
  if (entry.kind === 'PodSource') return `${BOUND} ${entry.protocol} ${entry.snat} ${owner}`;
  const { tuple, portCount, snat } = entry;
  return `${BOUND}-port ${tuple.protocol} ${tuple.port}+${portCount} ${snat.address} ${owner}`;
}
