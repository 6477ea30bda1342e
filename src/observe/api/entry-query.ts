import { meantHint } from '../../base/did-you-mean.ts';
import type { EntryPage, Refusal } from '../../forms/entries.ts';
import { type EntryQuestion, entryKinds, REFUSED } from '../../forms/questions.ts';
import { formatRef } from '../../model/object.ts';
import { familyOf, formatEndpoint } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { type Protocol, parseProtocol } from '../../net/protocol.ts';
import { canonicalEntry } from '../../plan/canonical.ts';
import type { EgressSource, Endpoint, FamilyScope, PlanEntry, SourcePorts } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';

export interface WantedEntries {
  /** Null: all; empty: no entries of the plan. */
  readonly kinds: readonly PlanEntry['kind'][] | null;
  /** Include refused claims, which have neither family nor protocol. */
  readonly refused: boolean;
  /** `shop/web` or `Service shop/web`, in any case; null: all. */
  readonly object: string | null;
  readonly family: Family | null;
  readonly protocol: Protocol | null;
  /** Only Service frontends without endpoints. */
  readonly unserved: boolean;
  /** Case-insensitive text in key, object, port name or endpoints; empty: all. */
  readonly search: string;
}

export interface EntryQuery extends WantedEntries {
  /** Only greater keys; null: from the beginning. */
  readonly after: string | null;
  readonly limit: number;
}

/**
 * Returns a text if the question is wrong.
 *
 * @param among `planned`: only entries of the plan; `everything`: refused claims too
 */
export function readEntryQuestion(
  question: EntryQuestion,
  among: 'planned' | 'everything',
): WantedEntries | string {
  const { kind, object = null, family, protocol, unserved = 'false', search = '' } = question;
  const kinds: PlanEntry['kind'][] = [];
  let refused = kind === undefined;
  for (const name of kind?.split(',').map((each) => each.trim().toLowerCase()) ?? []) {
    if (isKind(name)) kinds.push(entryKinds[name]);
    else if (name === REFUSED && among === 'everything') refused = true;
    else {
      const names = [...Object.keys(entryKinds), ...(among === 'everything' ? [REFUSED] : [])];
      return `kind: "${name}" is none of ${names.join(', ')}${meantHint(name, names)}`;
    }
  }
  const wantedFamily = FAMILIES.find((each) => each.toLowerCase() === family?.toLowerCase()) ?? null;
  if (family !== undefined && wantedFamily === null) return `family: "${family}" is neither IPv4 nor IPv6`;
  const wantedProtocol = protocol === undefined ? null : parseProtocol(protocol);
  if (protocol !== undefined && wantedProtocol === null)
    return `protocol: "${protocol}" is none of TCP, UDP, SCTP`;
  if (unserved !== 'true' && unserved !== 'false') return `unserved: "${unserved}" is neither true nor false`;
  return {
    kinds: kind === undefined ? null : kinds,
    refused,
    object,
    family: wantedFamily,
    protocol: wantedProtocol,
    unserved: unserved === 'true',
    search,
  };
}

function isKind(name: string): name is keyof typeof entryKinds {
  return Object.hasOwn(entryKinds, name);
}

export function wantedRefusals(wanted: WantedEntries, refused: readonly Refusal[]): readonly Refusal[] {
  const { object, search, family, protocol, unserved } = wanted;
  if (!wanted.refused || family !== null || protocol !== null || unserved) return [];
  return refused.filter(
    (one) =>
      (object === null || isNamed(one.owner, object.toLowerCase())) &&
      (search === '' || JSON.stringify(one).toLowerCase().includes(search.toLowerCase())),
  );
}

/** Entries collected beyond a page before it is sorted and cut. */
const SLACK = 1024;

/**
 * Matching entries in order of their keys. Each page is one pass over the plan and renders only its entries. No state
 * is kept between pages, so each page is right for the present plan.
 */
export function queryEntries(plan: NatPlan, query: EntryQuery): EntryPage {
  const fits = filterOf(query);
  const { after, limit } = query;
  /** The smallest keys so far, cut back to `limit` occasionally. */
  const first: PlanEntry[] = [];
  let total = 0;
  let behind = 0;
  /** Exclusive upper bound of the page's keys; null: not known yet. */
  let bound: string | null = null;
  for (const entry of plan.entries()) {
    if (!fits(entry)) continue;
    total++;
    if (after !== null && entry.key <= after) continue;
    behind++;
    if (bound !== null && entry.key >= bound) continue;
    first.push(entry);
    if (first.length >= limit + SLACK) {
      keepSmallest(first, limit);
      bound = first.at(-1)?.key ?? null;
    }
  }
  keepSmallest(first, limit);
  const next = behind > first.length ? (first.at(-1)?.key ?? null) : null;
  return { items: first.map(canonicalEntry), total, next, revision: plan.revision };
}

function keepSmallest(entries: PlanEntry[], count: number): void {
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  if (entries.length > count) entries.length = count;
}

export function filterOf(query: WantedEntries): (entry: PlanEntry) => boolean {
  const { kinds, family, protocol, unserved } = query;
  const object = query.object?.toLowerCase() ?? null;
  const search = searchOf(query.search);
  return (entry) => {
    if (kinds !== null && !kinds.includes(entry.kind)) return false;
    if (unserved && !(entry.kind === 'ServiceFrontend' && entry.endpoints.length === 0)) return false;
    if (family !== null && family !== familyOfEntry(entry)) return false;
    if (protocol !== null && protocol !== protocolOf(entry)) return false;
    if (object !== null && !isOwner(entry, object)) return false;
    return search(entry);
  };
}

function searchOf(text: string): (entry: PlanEntry) => boolean {
  const wanted = text.toLowerCase();
  if (wanted === '') return () => true;
  // Endpoints are rendered only if the text can be part of an endpoint.
  const isAddress = /^[0-9a-f.:[\]]+$/.test(wanted);
  const has = (endpoint: Endpoint) => formatEndpoint(endpoint.address, endpoint.port).includes(wanted);
  return (entry) => {
    if (entry.key.toLowerCase().includes(wanted)) return true;
    if (isOfMany(entry)) return JSON.stringify(canonicalEntry(entry)).toLowerCase().includes(wanted);
    if (formatRef(entry.owner).toLowerCase().includes(wanted)) return true;
    if (entry.kind === 'ServiceFrontend' && entry.portName.includes(wanted)) return true;
    if (!isAddress) return false;
    if (entry.kind === 'ServiceFrontend') return entry.endpoints.some(has);
    if (entry.kind === 'PodBinding' || entry.kind === 'PodReservation') return has(entry.endpoint);
    if (entry.kind === 'PodSourcePort') return has(entry.snat);
    return entry.kind === 'PodSource' && entry.snat.includes(wanted);
  };
}

/** Compares the full name, or the part after the kind. */
function isOwner(entry: PlanEntry, object: string): boolean {
  if (entry.kind === 'FamilyScope') return entry.pools.some(({ name }) => isNamed(`IPPool ${name}`, object));
  if (entry.kind === 'EgressSource') {
    const pod = entry.pod === null ? [] : [formatRef(entry.pod)];
    const rules = entry.choices.map(({ rule }) => `EgressRule ${rule}`);
    return [...pod, ...rules].some((name) => isNamed(name, object));
  }
  return entry.kind !== 'SourcePorts' && isNamed(formatRef(entry.owner), object);
}

/** Has several origins. */
function isOfMany(entry: PlanEntry): entry is FamilyScope | SourcePorts | EgressSource {
  return entry.kind === 'FamilyScope' || entry.kind === 'SourcePorts' || entry.kind === 'EgressSource';
}

function isNamed(owner: string, object: string): boolean {
  const full = owner.toLowerCase();
  return full === object || full.slice(full.indexOf(' ') + 1) === object;
}

function familyOfEntry(entry: PlanEntry): Family {
  if (isOfMany(entry) || entry.kind === 'ServiceHealthCheck') return entry.family;
  return familyOf('tuple' in entry ? entry.tuple.address : entry.address);
}

function protocolOf(entry: PlanEntry): Protocol | null {
  if ('tuple' in entry) return entry.tuple.protocol;
  return entry.kind === 'PodSource' ? entry.protocol : null;
}
