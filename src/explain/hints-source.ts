import { refOf } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { familyOf } from '../net/address.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { scopeOf } from '../plan/nat-plan.ts';
import type { Hint, HintFacts } from './hint.ts';
import { isOwnAddress } from './own.ts';
import type { Walk } from './walk.ts';

/** Why the source stays, or which of several pools does not decide. */
export function sourceHints(facts: HintFacts, walk: Walk): Hint[] {
  const { packet, paths } = walk;
  if (paths.length === 0) return [];
  const elsewhere = otherNode(facts, packet);
  if (elsewhere !== null) return [elsewhere];
  const rules = new Set(paths.flatMap(({ steps }) => steps.map(({ rule }) => rule)));
  if (rules.has('hairpin') || rules.has('pod-source')) return [];
  const destination = paths[0]?.endpoint.address ?? packet.destination;
  const isTranslated = paths.every(({ snat }) => snat !== null);
  if (isOwnAddress(facts.node, destination) || (walk.verdict === 'dnat' && isTranslated)) return [];
  return poolHints(facts, packet.source, destination, isTranslated);
}

/** The source is a pod of another node, which translates its packets. */
function otherNode({ pods, node }: HintFacts, { source }: Walk['packet']): Hint | null {
  for (const { namespace, name, ips, nodeName, hostNetwork, finished } of pods.values()) {
    if (hostNetwork || finished || !ips.includes(source)) continue;
    if (nodeName === '' || nodeName === node.nodeName) return null;
    const object = refOf('Pod', { namespace, name });
    const text = `is on Node ${nodeName}: that node translates its packets; ask the agent there`;
    return { about: 'other-node', object, text };
  }
  return null;
}

function poolHints(
  { plan, enable }: HintFacts,
  source: Walk['packet']['source'],
  destination: Walk['packet']['source'],
  isTranslated: boolean,
): Hint[] {
  const scope = scopeOf(plan, familyOf(source));
  const around = scope.pools.filter(({ cidr }) => prefixContains(cidr, source));
  const hint = (pool: PoolFact, text: string): Hint => {
    return { about: 'pool', object: refOf('IPPool', pool), text };
  };
  const covers = ({ cidr }: PoolFact) => `${formatPrefix(cidr)} covers this source`;
  if (!enable.egress) {
    const asking = around.filter(({ natOutgoing }) => natOutgoing);
    return asking.map((pool): Hint => {
      const text = `${covers(pool)}, but Egress NAT is switched off (--enable)`;
      return { ...hint(pool, text), about: 'switched-off' };
    });
  }
  const hints = around.flatMap((pool) => {
    if (!pool.natOutgoing) {
      // If another pool decides, its step has named this one.
      return isTranslated ? [] : [hint(pool, `${covers(pool)}, but its natOutgoing is off`)];
    }
    if (pool.disabled) return [hint(pool, `${covers(pool)}; it is disabled, which changes nothing for NAT`)];
    return [];
  });
  for (const pool of scope.pools) {
    if (!pool.loadBalancerOnly || !prefixContains(pool.cidr, destination)) continue;
    const cidr = formatPrefix(pool.cidr);
    hints.push(
      hint(pool, `${cidr} covers the destination, but is only for load balancers and exempts nothing`),
    );
  }
  if (around.length === 0 && !isTranslated && setContains(scope.pods, source)) {
    const text = `${source} is a pod's address in no IPPool, so packets to the outside are not translated`;
    hints.push({ about: 'pool', object: null, text });
  }
  return hints;
}
