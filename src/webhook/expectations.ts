import type { Expectation, Mismatch } from '../explain/expectation.ts';
import { senderNode } from '../explain/place.ts';
import type { FactChange } from '../model/facts.ts';
import { type IpAddress, parseAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Planner } from '../plan/planner.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Concerned, factsOfServices } from './concerned.ts';
import type { Claimed } from './service-index.ts';

/** An expectation of a file, and where it is written: `expectations.yaml:12`. */
export interface ProtectedExpectation extends Expectation {
  readonly origin: string;
}

/** What is protected: expectations of a file, and the node for those that name none. */
export interface Protected {
  readonly node: string | null;
  readonly expectations: readonly ProtectedExpectation[];
}

export const NOTHING_PROTECTED: Protected = { node: null, expectations: [] };

/** What `knat verify` says of one. */
export interface Verdict {
  readonly name: string;
  readonly passed: boolean;
  readonly mismatches: readonly Mismatch[];
  /** Why there is no verdict; null: there is one. */
  readonly error: string | null;
}

export type Judge = (expectation: ProtectedExpectation, planner: Planner) => Verdict;

/** An expectation, the node that sees its packet, and what the verdict depends on. */
export interface Placed {
  readonly expectation: ProtectedExpectation;
  readonly node: string;
  readonly services: ReadonlySet<string>;
  readonly pods: readonly string[];
  readonly claimed: Claimed;
}

/** Services at an address that an expectation names are looked at up to this number. */
const SERVICES_MOST = 50;

/** The expectations that a change may break. One whose node is not known, such as that of a Pod that does not run, is left out. */
export function concernedExpectations(
  { node: fallback, expectations }: Protected,
  concerned: Concerned,
  state: ClusterState,
): Placed[] {
  return expectations.flatMap((expectation) => {
    const node = nodeOf(expectation, fallback, state);
    if (node === null) return [];
    const placed = placedAt(expectation, node, state);
    return !concerned.isServicesAlone || isConcerned(placed, concerned) ? [placed] : [];
  });
}

/** The facts that a plan needs for the verdicts, besides those of its node. */
export function* factsOf(placed: readonly Placed[], state: ClusterState): Generator<FactChange> {
  for (const { services, pods } of placed) {
    yield* factsOfServices(services, state);
    for (const key of pods) {
      const fact = state.facts.of('Pod').get(key);
      if (fact !== undefined) yield { kind: 'Pod', key, fact };
    }
  }
}

function nodeOf(
  { node, from = '' }: ProtectedExpectation,
  fallback: string | null,
  { facts }: ClusterState,
): string | null {
  const nodes = facts.of('Node');
  const found = node ?? senderNode(from, { pods: facts.of('Pod'), nodes }) ?? fallback;
  if (found !== null) return nodes.has(found) ? found : null;
  const [only, second] = nodes.keys();
  return only !== undefined && second === undefined ? only : null;
}

function placedAt(expectation: ProtectedExpectation, node: string, state: ClusterState): Placed {
  const { from = '', to = '', port, reaches = [] } = expectation;
  const services = new Set<string>();
  const pods: string[] = [];
  const addresses: IpAddress[] = [];
  const ports: PortSpan[] = [];
  for (const text of [from, to, ...reaches]) {
    const { kind, key, number, address } = named(text);
    if (kind === 'pod') pods.push(key);
    else if (kind === 'svc' || kind === 'service') services.add(key);
    else if (kind === 'node') {
      addresses.push(...(state.facts.of('Node').get(key)?.addresses ?? []).map((each) => each.address));
    }
    if (address !== null) addresses.push(address);
    if (number !== null) ports.push({ first: number, last: number });
  }
  if (port !== undefined && /^\d+$/.test(port)) ports.push({ first: Number(port), last: Number(port) });
  for (const key of pods) addresses.push(...(state.facts.of('Pod').get(key)?.ips ?? []));
  const claimed = { addresses, nodePorts: ports };
  for (const key of state.servicesAt(claimed)) {
    if (services.size < SERVICES_MOST) services.add(key);
  }
  return { expectation, node, services, pods, claimed };
}

/** `pod/shop/web-0:8080`, `node/n1`, `198.51.100.9`, `[2001:db8::1]:443`. */
function named(text: string) {
  const [, kind = '', key = ''] = /^(pod|svc|service|node)\/([^:]*)/.exec(text) ?? [];
  const number = /[^:]:(\d{1,5})$/.exec(text)?.[1];
  const bare = parseAddress(text);
  const host = bare === null ? (/^\[?(.*?)\]?(?::\d+)?$/.exec(text)?.[1] ?? '') : '';
  return {
    kind,
    key,
    number: bare !== null || number === undefined ? null : Number(number),
    address: bare ?? parseAddress(host),
  };
}

function isConcerned({ services, claimed }: Placed, concerned: Concerned): boolean {
  for (const key of services) if (concerned.services.has(key)) return true;
  const addresses = new Set(claimed.addresses);
  return concerned.claims.some(
    (each) =>
      [...each.addresses].some((address) => addresses.has(address)) ||
      each.nodePorts.some(({ first }) => claimed.nodePorts.some((own) => own.first === first)),
  );
}
