import type { IpAddress } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { PROTOCOLS, type Protocol } from '../../net/protocol.ts';
import { type ReachedRule, type RuleTable, reachedRules } from './reached-rules.ts';

/** A port that a rule of another program redirects. */
export interface PortRule {
  readonly protocol: Protocol;
  readonly port: Port;
  /** Null: every address of its families. */
  readonly address: IpAddress | null;
  readonly families: readonly Family[];
  /** For messages: `docker (chain DOCKER of iptables-nft)`. */
  readonly by: string;
  /** Null when the rule names no single address. */
  readonly to: IpAddress | null;
}

/** Programs by the names of their chains and tables. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/^CNI-(DN|HOSTPORT)|^cni_hostport$/, 'the CNI plugin portmap'],
  [/^DOCKER|^docker/, 'docker'],
  [/^NETAVARK|^netavark$|^nv_/, 'podman (netavark)'],
  [/^firewalld$|^nat_PRE/, 'firewalld'],
];

/** Chains that claim no port: of kube-proxy and podnat-controller, which knat replaces. */
const NO_CLAIM = /^(KUBE-|PODNAT_)/i;

/** Most ports that are listed; a larger number is not a set of port mappings. */
const MOST_PORTS = 100_000;

/**
 * The ports that other programs' rules redirect, as claims, in an order independent of the age of rules. A rule for
 * particular sources claims nothing.
 * @param isOwn chains of a podnat-controller with another prefix
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
