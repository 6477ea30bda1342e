import type { ForeignRules, RuleReading } from '../datapath/coexistence/foreign-rules.ts';
import { type RuleTable, reachedRules } from '../datapath/coexistence/reached-rules.ts';
import { FAMILIES } from '../net/family.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { ForeignSourceNat, UntrackedRule } from './host-facts.ts';

/** Who makes chains and tables of such names; null: rules that are bound to marks of their own program. */
const OWNERS: readonly (readonly [RegExp, string | null])[] = [
  [/^IP-MASQ/, 'ip-masq-agent'],
  [/^cali-|^calico$/, 'Calico'],
  [/^CNI-(?!HOSTPORT)/, 'the CNI plugin (ipMasq)'],
  [/^FLANNEL-|^flannel-/, 'flannel'],
  [/^DOCKER|^docker/, 'docker'],
  [/^LIBVIRT|^libvirt/, 'libvirt'],
  [/^ts-/, 'tailscale'],
  [/^firewalld$|^nat_POST_/, 'firewalld'],
  // Bound to packets that their own rules have marked: no pod's connection to the outside is among them.
  [/^KUBE-|^CNI-HOSTPORT/, null],
];

/** The rules of others at postrouting that rewrite sources, of nf_tables and of both kinds of iptables. */
export async function foreignSourceNat(
  rules: Pick<ForeignRules, 'read'>,
  signal: AbortSignal,
): Promise<{ readonly rules: readonly ForeignSourceNat[]; readonly unseen: RuleReading['unseen'] }> {
  const { tables, unseen } = await rules.read('source', signal);
  const found = new Map<string, ForeignSourceNat>();
  for (const table of tables) {
    const isOthers = (chain: string) => ownerOf(chain, table) !== null;
    for (const { chain, match, action } of reachedRules(table, isOthers)) {
      if (action.kind !== 'snat' && action.kind !== 'masquerade' && action.kind !== 'netmap') continue;
      const { source, destination, families, notOut, isMarked } = match;
      // What an address sends to itself (docker's hairpin) is nobody's way out.
      if (isMarked || (source !== null && destination !== null && isSame(source, destination))) continue;
      const key = [table.title, chain, action.kind, source === null ? '' : formatPrefix(source)].join(' ');
      found.set(key, {
        table: titleOf(table),
        chain,
        action: action.kind,
        owner: ownerOf(chain, table) ?? null,
        source,
        families: source === null ? families : [source.family],
        notOut,
      });
    }
  }
  return { rules: [...found.values()], unseen };
}

/** The rules of others that keep packets from connection tracking. */
export async function untrackedRules(
  rules: Pick<ForeignRules, 'read'>,
  signal: AbortSignal,
): Promise<readonly UntrackedRule[]> {
  const { tables } = await rules.read('untracked', signal);
  const found = new Map<string, UntrackedRule>();
  for (const table of tables) {
    for (const { chain, match, action } of reachedRules(table, () => true)) {
      if (action.kind !== 'notrack') continue;
      const { protocols, ports, source, destination } = match;
      const rule = { table: titleOf(table), chain, protocols, ports, source, destination };
      found.set(JSON.stringify(rule), rule);
    }
  }
  return [...found.values()];
}

function isSame(a: Prefix, b: Prefix): boolean {
  return formatPrefix(a) === formatPrefix(b);
}

/** Undefined: of nobody known. */
function ownerOf(chain: string, { name }: RuleTable): string | null | undefined {
  return OWNERS.find(([pattern]) => pattern.test(chain) || pattern.test(name))?.[1];
}

/** `table ip nat` for what nf_tables keeps, `table nat of iptables-legacy` for what it does not know of. */
function titleOf({ title, name }: RuleTable): string {
  if (title.startsWith('table ')) return title;
  const family = FAMILIES[title.startsWith('ip6') ? 1 : 0];
  return title.endsWith('-legacy') || !title.includes('nft')
    ? `table ${name} of ${title}`
    : `table ${family === 'IPv6' ? 'ip6' : 'ip'} ${name}`;
}
