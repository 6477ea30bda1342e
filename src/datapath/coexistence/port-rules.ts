import type { IpAddress } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { PROTOCOLS, type Protocol } from '../../net/protocol.ts';
import { type ReachedRule, type RuleTable, reachedRules } from './reached-rules.ts';

/** A port that a rule of another program sends elsewhere. */
export interface PortRule {
  readonly protocol: Protocol;
  readonly port: Port;
  /** Null: every address of its families. */
  readonly address: IpAddress | null;
  readonly families: readonly Family[];
  /** For people: `docker (chain DOCKER of iptables-nft)`. */
  readonly by: string;
  /** Null where the rule does not say one address. */
  readonly to: IpAddress | null;
}

/** Who makes chains and tables of such names, for people. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/^CNI-(DN|HOSTPORT)|^cni_hostport$/, 'the CNI plugin portmap'],
  [/^DOCKER|^docker/, 'docker'],
  [/^NETAVARK|^netavark$|^nv_/, 'podman (netavark)'],
  [/^firewalld$|^nat_PRE/, 'firewalld'],
];

/**
 * Chains whose rules are no claims to a port: of kube-proxy and of podnat-controller, whose place knat takes or beside
 * which it does not work.
 */
const NO_CLAIM = /^(KUBE-|PODNAT_)/i;

/** Ports that are named; more are no mapping that a person looks at. */
const MOST_PORTS = 100_000;

/**
 * The ports that rules of others send elsewhere, as claims to a port, in an order that does not depend on
 * which rule was made first. A rule for some sources alone takes a port from nobody else, and is left out.
 *
 * @param isOwn chains of a podnat-controller that has another prefix
 */
export function portRules(tables: readonly RuleTable[], isOwn: (chain: string) => boolean): PortRule[] {
  const found = new Map<string, PortRule>();
  for (const table of tables) {
    for (const rule of reachedRules(table, (chain) => !NO_CLAIM.test(chain) && !isOwn(chain))) {
      for (const claim of claimsOf(rule, table)) {
        if (found.size === MOST_PORTS) break;
        found.set(Object.values(claim).join(' '), claim);
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
}

function* claimsOf({ chain, match, action }: ReachedRule, { title, name }: RuleTable): Generator<PortRule> {
  const { families, protocols, ports, source, destination } = match;
  if (action.kind !== 'dnat' || ports === null || source !== null) return;
  const isOne = destination !== null && destination.length === addressBits[destination.family];
  const reached = destination === null ? families : families.filter((each) => each === destination.family);
  if (reached.length === 0) return;
  const owner = OWNERS.find(([pattern]) => pattern.test(chain) || pattern.test(name))?.[1];
  const where = `chain ${chain} of ${title}`;
  const by = owner === undefined ? `a rule of another program (${where})` : `${owner} (${where})`;
  const { to } = action;
  for (const protocol of protocols ?? PROTOCOLS) {
    for (const { first, last } of ports) {
      for (let number = first; number <= last; number++) {
        const port = parsePort(number);
        if (port === null) continue;
        yield { protocol, port, address: isOne ? destination.address : null, families: reached, by, to };
      }
    }
  }
}
