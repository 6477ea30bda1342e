import type { ForeignRules, RuleReading } from '../datapath/coexistence/foreign-rules.ts';
import { type RuleTable, reachedRules } from '../datapath/coexistence/reached-rules.ts';
import { FAMILIES } from '../net/family.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { ForeignSourceNat, UntrackedRule } from './host-facts.ts';

/** Program that names chains and tables like this; null: its rules only match packets that it marked itself. */
const OWNERS: readonly (readonly [RegExp, string | null])[] = [
  [/^IP-MASQ/, 'ip-masq-agent'],
  [/^cali-|^calico$/, 'Calico'],
  [/^CNI-(?!HOSTPORT)/, 'the CNI plugin (ipMasq)'],
  [/^FLANNEL-|^flannel-/, 'flannel'],
  [/^DOCKER|^docker/, 'docker'],
  [/^LIBVIRT|^libvirt/, 'libvirt'],
  [/^ts-/, 'tailscale'],
  [/^firewalld$|^nat_POST_/, 'firewalld'],
  // Their rules never match a pod's connection to the outside.
  [/^KUBE-|^CNI-HOSTPORT/, null],
];

/** Postrouting rules of other programs that rewrite sources, in nf_tables and both kinds of iptables. */
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
      // Packets from an address to itself (docker's hairpin) do not leave the host.
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

/** Undefined: unknown program. */
function ownerOf(chain: string, { name }: RuleTable): string | null | undefined {
  return OWNERS.find(([pattern]) => pattern.test(chain) || pattern.test(name))?.[1];
}

function titleOf({ title, name }: RuleTable): string {
  if (title.startsWith('table ')) return title;
  const family = FAMILIES[title.startsWith('ip6') ? 1 : 0];
  return title.endsWith('-legacy') || !title.includes('nft')
    ? `table ${name} of ${title}`
    : `table ${family === 'IPv6' ? 'ip6' : 'ip'} ${name}`;
}
