import type { EgressRuleFact } from '../model/egress-rule.ts';
import type { NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import { type EgressRuleGround, egressRuleGround } from './egress-ground.ts';
import { egressRuleFragment } from './egress-rules.ts';
import type { FactStore } from './fact-store.ts';
import { type Fragment, isolated, unusable } from './fragment.ts';
import type { ScopeFragment } from './scope.ts';

/** Computes the fragment of all EgressRules. The part that does not depend on pods is kept until `forget`. */
export class EgressPlanner {
  #ground: ReturnType<typeof isolated<EgressRuleFact, EgressRuleGround>> | null = null;

  /** The scope or a rule changed. */
  forget(): void {
    this.#ground = null;
  }

  fragment(facts: FactStore, node: NodeFacts, scopes: ScopeFragment['scopes']): Fragment {
    const pools = [...facts.of('IPPool').values()];
    const namespaces = facts.of('Namespace');
    this.#ground ??= isolated([...facts.of('EgressRule').values()], (rules) => {
      const ground = egressRuleGround({ rules, pools, node, scopes });
      egressRuleFragment(ground, { pods: [], namespaces });
      return ground;
    });
    const { result: ground, faulty: rules } = this.#ground;
    const known = facts.of('EgressRule').size === 0 ? [] : [...facts.of('Pod').values()];
    const { result, faulty: pods } = isolated(known, (some) =>
      egressRuleFragment(ground, { pods: some, namespaces }),
    );
    const left = [
      ...rules.map(({ item, error }) => unusable(refOf('EgressRule', item), error)),
      ...pods.map(({ item, error }) => unusable(refOf('Pod', item), error)),
    ];
    return { entries: result.entries, notices: [...result.notices, ...left] };
  }
}
