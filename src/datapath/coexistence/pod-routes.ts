import { grouped } from '../../base/collect.ts';
import { familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import { formatPrefix, hostPrefix, prefixContains } from '../../net/prefix.ts';
import { Rejected, Unsupported } from '../../wire/errors.ts';
import { RouteConnection } from '../../wire/route/connection.ts';
import type { RoutingRule } from '../../wire/route/rule.ts';
import { retried } from './iptables-chains.ts';

/**
 * The protocol number that marks our rules (`ip -details rule` shows it). The kernel gives the number no meaning, and
 * include/uapi/linux/rtnetlink.h assigns it to no program.
 */
export const POD_ROUTES_PROTOCOL = 107;

const RT_TABLE_DEFAULT = 253;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
/** The kernel's rule for the main table: rules behind it decide about no default route. */
const MAIN_PRIORITY = 32766;

/** Routes with at most this prefix length lead to the Internet: the default route, or one in halves or eighths. */
const WIDEST = { IPv4: 1, IPv6: 3 } as const satisfies Record<Family, number>;

/** A pod, and the node addresses that it is bound to or leaves with. */
export interface BoundPod {
  readonly address: IpAddress;
  readonly bound: ReadonlySet<IpAddress>;
}

/** A pod whose addresses leave by different tables, so that no single rule by source fits. */
export interface TornPod {
  readonly address: IpAddress;
  /** For messages: `203.0.113.7 by table main`. */
  readonly ways: readonly string[];
}

export interface PodRoutes {
  readonly rules: readonly RoutingRule[];
  readonly torn: readonly TornPod[];
}

/**
 * The rules that pods need when the administrator routes a node address by its own table (`ip rule from 198.51.100.7
 * lookup 77`). The kernel asks such rules before it translates a reply back, when the source is still the pod's
 * address, so the reply would leave by another uplink. For each pod whose addresses all leave by one such table:
 *
 *     from POD lookup main suppress_prefixlength 1     other pods and the node's own networks, without a default route
 *     from POD lookup 77                               everything else, as from the address itself
 *
 * They have the priority of the administrator's rule, stand behind it, and follow its changes.
 */
export function podRoutes(pods: Iterable<BoundPod>, all: readonly RoutingRule[]): PodRoutes {
  const others = all.filter(({ protocol }) => protocol !== POD_ROUTES_PROTOCOL);
  const rules: RoutingRule[] = [];
  const torn: TornPod[] = [];
  for (const { address, bound } of pods) {
    const ways = [...bound].map((own) => ({ own, rule: ruleFor(own, others) }));
    const [first] = ways;
    if (first === undefined || ways.every(({ rule }) => rule === null)) continue;
    if (first.rule !== null && ways.every(({ rule }) => rule?.table === first.rule?.table)) {
      rules.push(...rulesOf(address, first.rule));
    } else {
      const named = ways.map(({ own, rule }) => `${own} by table ${rule?.table ?? 'main'}`);
      torn.push({ address, ways: named.sort() });
    }
  }
  return { rules, torn };
}

/** The rule that sends the node's own packets from the address to a separate table; null for none. */
function ruleFor(own: IpAddress, others: readonly RoutingRule[]): RoutingRule | null {
  const found = others.find(
    ({ family, source, table, hasMoreSelectors, suppressPrefixLength, priority }) =>
      family === familyOf(own) &&
      source.length > 0 &&
      prefixContains(source, own) &&
      table !== null &&
      !hasMoreSelectors &&
      suppressPrefixLength === null &&
      priority < MAIN_PRIORITY,
  );
  const isOwnTable = ![RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL].includes(
    found?.table ?? RT_TABLE_MAIN,
  );
  return found !== undefined && isOwnTable ? found : null;
}

function rulesOf(pod: IpAddress, { family, priority, table }: RoutingRule): RoutingRule[] {
  const common = {
    family,
    priority,
    source: hostPrefix(pod),
    protocol: POD_ROUTES_PROTOCOL,
    hasMoreSelectors: false,
  };
  return [
    { ...common, table: RT_TABLE_MAIN, suppressPrefixLength: WIDEST[family] },
    { ...common, table, suppressPrefixLength: null },
  ];
}

/** What was done, as texts: `from 10.244.1.5 lookup 77`. */
export interface PodRoutesReport {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly torn: readonly TornPod[];
}

/** Our policy-routing rules in the network namespace in which this was opened. */
export class PodRouting {
  readonly #connection = new RouteConnection();

  /**
   * Makes our rules equal to those the pods need; a repeated call writes nothing.
   * @param keepOthers keep rules of pods that are not named, because not every object could be read
   */
  async settle(pods: readonly BoundPod[], keepOthers: boolean): Promise<PodRoutesReport> {
    return await retried(async () => {
      const all = this.#rules();
      const { rules, torn } = podRoutes(pods, all);
      const named = new Set(pods.map(({ address }) => address));
      const isNamed = ({ source }: RoutingRule) => named.has(source.address);
      const ours = all.filter(({ protocol }) => protocol === POD_ROUTES_PROTOCOL);
      const steps = changes(ours, rules).filter(({ adds, rule }) => adds || !keepOthers || isNamed(rule));
      for (const { adds, rule } of steps) {
        if (adds) tolerant('EEXIST', () => this.#connection.addRule(rule));
        else tolerant('ENOENT', () => this.#connection.deleteRule(rule));
      }
      const done = (adding: boolean) =>
        steps.flatMap(({ adds, rule }) => (adds === adding ? [textOf(rule)] : []));
      return { added: done(true), removed: done(false), torn };
    });
  }

  async remove(): Promise<readonly string[]> {
    return (await this.settle([], false)).removed;
  }

  close(): void {
    this.#connection.close();
  }

  /** Empty on a kernel without policy routing. */
  #rules(): readonly RoutingRule[] {
    try {
      return this.#connection.rules();
    } catch (error) {
      if (error instanceof Unsupported) return [];
      throw error;
    }
  }
}

interface Step {
  readonly adds: boolean;
  readonly rule: RoutingRule;
}

/**
 * New rules go behind others of the same priority, and the order of one pod's rules matters. If appending gives the
 * right order, new rules are added before old ones are deleted, so that a packet always finds one. Otherwise all rules
 * of the pod are deleted and added again.
 */
function changes(ours: readonly RoutingRule[], wanted: readonly RoutingRule[]): readonly Step[] {
  const there = grouped(ours, sourceOf);
  const asked = grouped(wanted, sourceOf);
  const steps: Step[] = [];
  const all = (adds: boolean, rules: readonly RoutingRule[]) =>
    steps.push(...rules.map((rule) => ({ adds, rule })));
  for (const [source, rules] of asked) {
    const present = there.get(source) ?? [];
    const kept = present.filter((rule) => rules.some((other) => keyOf(other) === keyOf(rule)));
    const isInOrder = kept.every((rule, index) => keyOf(rule) === keyOf(rules[index] ?? rule));
    if (isInOrder) {
      all(true, rules.slice(kept.length));
      all(
        false,
        present.filter((rule) => !kept.includes(rule)),
      );
    } else {
      all(false, present);
      all(true, rules);
    }
  }
  for (const [source, rules] of there) if (!asked.has(source)) all(false, rules);
  return steps;
}

function sourceOf({ source }: RoutingRule): string {
  return formatPrefix(source);
}

function keyOf({ source, table, priority, suppressPrefixLength }: RoutingRule): string {
  return `${priority} ${formatPrefix(source)} ${table} ${suppressPrefixLength}`;
}

function textOf({ source, table, priority, suppressPrefixLength }: RoutingRule): string {
  const from = source.length === addressBits[source.family] ? source.address : formatPrefix(source);
  const rest = suppressPrefixLength === null ? '' : ` suppress_prefixlength ${suppressPrefixLength}`;
  return `${priority}: from ${from} lookup ${table === RT_TABLE_MAIN ? 'main' : table}${rest}`;
}

function tolerant(errno: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof Rejected && error.errno === errno)) throw error;
  }
}
