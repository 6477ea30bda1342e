import type { NftablesConnection } from '../wire/nftables/connection.ts';
import type { ChainDeclaration, RuleDeclaration } from '../wire/nftables/declarations.ts';
import { jumpTarget } from '../wire/nftables/jump.ts';
import type { NftFamily } from '../wire/nftables/numbers.ts';
import { sourceRewrite } from '../wire/nftables/rewrites.ts';
import type { ForeignSourceNat } from './host-facts.ts';

/** NF_INET_POST_ROUTING of include/uapi/linux/netfilter.h. */
const POSTROUTING = 4;

/** Tables that are no business of this check: ours, and kube-proxy's, which has a check of its own. */
const LEFT_OUT = /^(knat|knat_.*|kube-proxy)$/;

/** Who makes chains and tables of such names. */
const OWNERS: readonly (readonly [RegExp, string | null])[] = [
  [/^IP-MASQ/, 'ip-masq-agent'],
  [/^cali-|^calico$/, 'Calico'],
  [/^CNI-(?!HOSTPORT)/, 'the CNI plugin (ipMasq)'],
  [/^FLANNEL-|^flannel-/, 'flannel'],
  [/^DOCKER/, 'docker'],
  [/^firewalld$|^nat_POST_/, 'firewalld'],
  // Bound to packets that their own rules have marked: no pod's connection to the outside is among them.
  [/^KUBE-|^CNI-HOSTPORT/, null],
];

const families: readonly NftFamily[] = ['ip', 'ip6', 'inet'];

/** The rules of others at postrouting that rewrite sources, iptables-nft's among them. */
export function foreignSourceNat(connection: NftablesConnection): ForeignSourceNat[] {
  return families.flatMap((family) =>
    connection
      .tables(family)
      .map(({ name = '' }) => name)
      .filter((name) => !LEFT_OUT.test(name))
      .flatMap((table) => {
        const chains = connection.chains(family, table);
        return rewritesIn(`table ${family} ${table}`, table, chains, connection.rules(family, table));
      }),
  );
}

function rewritesIn(
  title: string,
  table: string,
  chains: readonly ChainDeclaration[],
  rules: readonly RuleDeclaration[],
): ForeignSourceNat[] {
  const reached = reachedFrom(
    chains
      .filter(({ type, hook }) => type === 'nat' && hook?.hook === POSTROUTING)
      .map(({ name = '' }) => name),
    rules,
  );
  const found = new Map<string, ForeignSourceNat>();
  for (const rule of rules) {
    const { chain = '' } = rule;
    const action = reached.has(chain) ? sourceRewrite(rule) : null;
    if (action === null) continue;
    const known = OWNERS.find(([pattern]) => pattern.test(chain) || pattern.test(table));
    if (known !== undefined && known[1] === null) continue;
    found.set(`${chain} ${action}`, { table: title, chain, action, owner: known?.[1] ?? null });
  }
  return [...found.values()];
}

/** The chains that a packet may come through, by jumps that stand in rules; verdict maps are not looked into. */
function reachedFrom(bases: readonly string[], rules: readonly RuleDeclaration[]): ReadonlySet<string> {
  const reached = new Set(bases);
  for (let before = -1; before !== reached.size; ) {
    before = reached.size;
    for (const rule of rules) {
      const target = reached.has(rule.chain ?? '') ? jumpTarget(rule) : null;
      if (target !== null) reached.add(target);
    }
  }
  return reached;
}
