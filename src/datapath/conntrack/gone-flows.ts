import type { IpAddress } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import { protocolNumber } from '../../net/protocol.ts';
import { setContains } from '../../net/ranges.ts';
import { endpointAt } from '../../plan/entry.ts';
import type { GoneEndpoints } from '../../plan/gone-endpoints.ts';
import { hasSlice, isListedAt, type SlicesOf, serviceOf } from '../../plan/listed-endpoints.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { conntrackStatus, type TrackedFlow } from '../../wire/conntrack/entry.ts';
import { DialledTuples } from './flow-changes.ts';

/** What changed while no agent ran. */
export interface FormerEnds {
  /** Keys of frontends and bindings that were translated and are gone. */
  readonly keys: ReadonlySet<string>;
  /** This node's addresses, which other programs may translate too. */
  readonly localAddresses: ReadonlySet<IpAddress>;
  /** The addresses that Pods and slices have now; a judge asks once, if at all. */
  knownAddresses(): ReadonlySet<IpAddress>;
}

export interface GoneSearch {
  readonly plan: Pick<NatPlan, 'entry' | 'entryAt'>;
  readonly slices: SlicesOf;
  readonly gone: GoneEndpoints;
  /** Null: all that is gone is known. */
  readonly former: FormerEnds | null;
}

/**
 * Finds established TCP and SCTP connections to endpoints that are gone for the frontend or binding that was dialled
 * (docs/adr/0029). Connections without a reply are none yet; the kernel's entries of those are deleted as stale.
 */
export class GoneFlowJudge {
  readonly #search: GoneSearch;
  readonly #keys = new Map<IpAddress, DialledTuples>();
  readonly #formerKeys: DialledTuples | null;
  #known: ReadonlySet<IpAddress> | null = null;
  /** By endpoint, by what was dialled, by both ports: the many connections to one endpoint are decided once. */
  readonly #decided = new Map<IpAddress, Map<IpAddress, Map<number, boolean>>>();

  constructor(search: GoneSearch) {
    this.#search = search;
    for (const [address, keys] of search.gone) this.#keys.set(address, new DialledTuples(keys));
    this.#formerKeys = search.former === null ? null : new DialledTuples(search.former.keys);
  }

  /** A judge is for a plan that does not change meanwhile. */
  isGone(flow: TrackedFlow): boolean {
    if ((flow.status & TRANSLATED_AND_ANSWERED) !== TRANSLATED_AND_ANSWERED) return false;
    if (flow.protocol !== protocolNumber.TCP && flow.protocol !== protocolNumber.SCTP) return false;
    const { src: endpoint, sport } = flow.reply;
    if (this.#formerKeys === null && !this.#keys.has(endpoint)) return false;
    const decided = within(within(this.#decided, endpoint), flow.original.dst);
    const ports = flow.protocol * 2 ** 32 + flow.original.dport * 2 ** 16 + sport;
    let isGone = decided.get(ports);
    if (isGone === undefined) {
      isGone = this.#decide(flow);
      decided.set(ports, isGone);
    }
    return isGone;
  }

  #decide(flow: TrackedFlow): boolean {
    const protocol = flow.protocol === protocolNumber.TCP ? 'TCP' : 'SCTP';
    const { src: endpoint, sport } = flow.reply;
    const keys = this.#keys.get(endpoint);
    const port = parsePort(flow.original.dport);
    if (port === null) return false;
    const tuple = { address: flow.original.dst, protocol, port } as const;
    const { plan, slices } = this.#search;
    const entry = plan.entryAt(tuple);
    if (entry?.kind === 'ServiceFrontend' && isListedAt(slices, entry, endpoint)) return false;
    if (entry?.kind === 'PodBinding') {
      const present = endpointAt(entry, tuple);
      if (present.address === endpoint && present.port === sport) return false;
    }
    if (keys?.has(tuple) === true) return true;
    if (this.#search.former === null) return false;
    const { localAddresses } = this.#search.former;
    if (entry?.kind === 'ServiceFrontend') {
      if (!hasSlice(slices, serviceOf(entry), flow.family)) return false;
      return !localAddresses.has(tuple.address) || setContains(scopeOf(plan, flow.family).pods, endpoint);
    }
    const wasTranslated = entry?.kind === 'PodBinding' || this.#formerKeys?.has(tuple) === true;
    if (!wasTranslated) return false;
    this.#known ??= this.#search.former.knownAddresses();
    return !this.#known.has(endpoint);
  }
}

function within<Key, Inner, Value>(maps: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const inner = new Map<Inner, Value>();
  maps.set(key, inner);
  return inner;
}

const TRANSLATED_AND_ANSWERED = conntrackStatus.IPS_DST_NAT | conntrackStatus.IPS_SEEN_REPLY;
