import { addTo } from '../base/collect.ts';
import { formatRef } from '../model/object.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { type PortSpan, portsWithout } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import { type AddressRange, type AddressSet, differenceOf, intersectionOf, unionOf } from '../net/ranges.ts';
import type { EgressChoice, PlanEntry } from '../plan/entry.ts';
import type { Comparison } from './comparison.ts';
import { destinationsOf, labelDestinations } from './destination-labels.ts';
import { dialledIn, type PortsOfAddress, portsText } from './dialled.ts';
import { FOR_EXPLANATIONS, type Ground } from './ground.ts';
import { ALIKE, EVERY_PORT, everyAddress, Labels, singleAddress } from './partition.ts';
import { type Both, SIDES } from './sides.ts';

/** Destinations that every rule treats alike, at ports that no Service and no binding has. */
export interface DestinationKind {
  readonly addresses: AddressSet;
  readonly representative: IpAddress;
  readonly differs: boolean;
  /** The ports that Services and bindings have, on either side. */
  readonly dialled: PortsOfAddress;
  /** The Service whose addresses they are on one side alone; null: none. */
  readonly owner: string | null;
  /** Equal for kinds that are treated alike, but for the name of the owner. */
  readonly shape: string;
}

const OWNER = `${FOR_EXPLANATIONS}owner `;
const NO_PORTS: PortsOfAddress = { TCP: [], UDP: [], SCTP: [] };

/** Destinations by what rules say about them, for sources of different kinds. */
export class Destinations {
  readonly #ground: Ground;
  readonly #comparison: Comparison;
  readonly #dialled: ReadonlyMap<IpAddress, PortsOfAddress>;
  /** Addresses of Services on one side alone. */
  readonly #changedClusterAddresses: Both<readonly AddressRange[]>;
  readonly #owners: readonly (readonly [owner: string, range: AddressRange])[];
  /** Where the fate of a packet to such a port is the same for every source and on both sides. */
  readonly constant: AddressSet;
  /** Where a rule about destinations differs. */
  readonly differing: AddressSet;
  readonly #byRules = new Map<string, readonly DestinationKind[]>();

  /** @param everywhere whether all destinations are asked for, or only those where a rule differs */
  constructor(ground: Ground, comparison: Comparison, everywhere: boolean) {
    this.#ground = ground;
    this.#comparison = comparison;
    const { family, scope, own } = ground;
    this.#changedClusterAddresses = changedClusterAddresses(ground, comparison);
    this.#owners = ownersOfAddresses(ground, comparison);
    const moved = (pick: (side: keyof Both<unknown>) => readonly AddressRange[]) =>
      differingRanges(family, { before: pick('before'), after: pick('after') });
    this.differing = unionOf(family, [
      ...moved((side) => scope[side].serviceCIDRs.ranges),
      ...moved((side) => scope[side].egressExempt.ranges),
      ...moved((side) => scope[side].podNatInternal.ranges),
      ...moved((side) => own[side]),
      ...moved((side) => this.#changedClusterAddresses[side]),
    ]);
    const area = everywhere ? unionOf(family, everyAddress(family)) : this.differing;
    this.constant = area.ranges.length === 0 ? area : this.#constantIn(area);
    const open = differenceOf(area, this.constant);
    this.#dialled = open.ranges.length === 0 ? new Map() : dialledIn(open, comparison);
  }

  /** The kinds of destinations for sources with these rules; equal `rules` mean equal choices. */
  kinds({ rules, choices }: { readonly rules: string; readonly choices: Both<readonly EgressChoice[]> }) {
    let known = this.#byRules.get(rules);
    if (known === undefined) {
      known = this.#partition(choices);
      this.#byRules.set(rules, known);
    }
    return known;
  }

  #partition(choices: Both<readonly EgressChoice[]>): readonly DestinationKind[] {
    const labels = new Labels(this.#ground.family);
    labelDestinations(labels, this.#ground, choices);
    labels.addBoth('cluster-ip', this.#changedClusterAddresses);
    // Its Service is the reason for what becomes of packets to its other ports.
    for (const [owner, range] of this.#owners) labels.add(OWNER + owner, ALIKE, [range]);
    labels.add('constant', ALIKE, this.constant.ranges);
    const alike = new Map<string, { ranges: AddressRange[]; ports: PortsOfAddress }>();
    for (const [address, ports] of this.#dialled) {
      const text = `${FOR_EXPLANATIONS}dialled ${portsText(ports)}`;
      const range = singleAddress(addressNumber(address));
      const known = alike.get(text);
      if (known === undefined) alike.set(text, { ranges: [range], ports });
      else known.ranges.push(range);
    }
    for (const [text, { ranges }] of alike) labels.add(text, ALIKE, ranges);
    return labels.parts().flatMap((part): DestinationKind[] => {
      if (part.labels.has('constant')) return [];
      const names = [...part.labels];
      const dialled = names.find(([name]) => alike.has(name));
      const owner = names.find(([name]) => name.startsWith(OWNER))?.[0].slice(OWNER.length) ?? null;
      return [
        {
          owner,
          shape: JSON.stringify(names.filter(([name]) => !name.startsWith(OWNER))),
          addresses: part.addresses,
          representative: part.representative,
          differs: names.some(([name, sides]) => sides !== ALIKE && !name.startsWith(FOR_EXPLANATIONS)),
          dialled: (dialled === undefined ? undefined : alike.get(dialled[0])?.ports) ?? NO_PORTS,
        },
      ];
    });
  }

  /** Addresses of Services, which refuse other ports, and unused addresses of Services, which are dropped. */
  #constantIn(area: AddressSet): AddressSet {
    const { family, scope } = this.#ground;
    const unused = intersectionOf(scope.before.serviceCIDRs, scope.after.serviceCIDRs);
    const changed = unionOf(
      family,
      SIDES.flatMap((side) => this.#changedClusterAddresses[side]),
    );
    const dropped = differenceOf(unused, changed);
    const others = differenceOf(area, dropped);
    const refused: AddressRange[] = [];
    if (others.ranges.length > 0) {
      for (const entry of this.#comparison.unchanged()) noteClusterAddress(entry, family, refused);
      for (const { before, after } of this.#comparison.changed.values()) {
        if (after?.kind === 'ClusterAddress') noteClusterAddress(before, family, refused);
      }
    }
    return intersectionOf(area, unionOf(family, [...dropped.ranges, ...refused]));
  }
}

function noteClusterAddress(entry: PlanEntry | undefined, family: string, into: AddressRange[]): void {
  if (entry?.kind !== 'ClusterAddress' || familyOf(entry.address) !== family) return;
  into.push(singleAddress(addressNumber(entry.address)));
}

function changedClusterAddresses({ family }: Ground, { changed }: Comparison): Both<AddressRange[]> {
  const found = { before: [] as AddressRange[], after: [] as AddressRange[] };
  for (const entry of changed.values()) {
    if (entry.before?.kind === entry.after?.kind) continue;
    for (const side of SIDES) noteClusterAddress(entry[side], family, found[side]);
  }
  return found;
}

/** The Services of addresses that are a Service's on one side alone. */
function ownersOfAddresses({ family }: Ground, { changed }: Comparison): [string, AddressRange][] {
  return [...changed.values()].flatMap(({ before, after }): [string, AddressRange][] => {
    if (before?.kind === after?.kind) return [];
    const entry = after ?? before;
    if (entry?.kind !== 'ClusterAddress' || familyOf(entry.address) !== family) return [];
    return [[formatRef(entry.owner), singleAddress(addressNumber(entry.address))]];
  });
}

function differingRanges(
  family: Ground['family'],
  { before, after }: Both<readonly AddressRange[]>,
): readonly AddressRange[] {
  if (before === after) return [];
  const [a, b] = [unionOf(family, before), unionOf(family, after)];
  return [...differenceOf(a, b).ranges, ...differenceOf(b, a).ranges];
}

/** Ports that every EgressRule treats alike, without the dialled ones. */
export interface PortCell {
  readonly spans: readonly PortSpan[];
}

/** The ports of a destination, cut where an EgressRule for the sources names ports. */
export function portCells(
  protocol: Protocol,
  choices: Both<readonly EgressChoice[]>,
  dialled: PortsOfAddress,
): readonly PortCell[] {
  const open = portsWithout(EVERY_PORT, dialled[protocol]);
  const cuts = portCuts(protocol, choices);
  if (cuts.length === 0) return open.length === 0 ? [] : [{ spans: open }];
  const cells = new Map<number, PortSpan[]>();
  for (const span of cutSpans(open, cuts))
    addTo(
      cells,
      cuts.findLastIndex((cut) => cut <= span.first),
      span,
    );
  return [...cells.values()].map((spans) => ({ spans }));
}

/** Where, in order, EgressRules begin to treat ports differently. */
export function portCuts(protocol: Protocol, choices: Both<readonly EgressChoice[]>): number[] {
  const cuts = new Set<number>();
  for (const side of SIDES) {
    for (const { protocol: of, ports } of destinationsOf(choices[side])) {
      if (ports === null || of !== protocol) continue;
      cuts.add(ports.first);
      cuts.add(ports.last + 1);
    }
  }
  return [...cuts].sort((a, b) => a - b);
}

export function cutSpans(spans: readonly PortSpan[], cuts: readonly number[]): PortSpan[] {
  return spans.flatMap(({ first, last }) => {
    const inside = cuts.filter((cut) => first < cut && cut <= last);
    return [first, ...inside].map((from, index) => ({ first: from, last: (inside[index] ?? last + 1) - 1 }));
  });
}
