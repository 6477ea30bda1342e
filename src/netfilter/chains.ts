import type { Assumption, Course, Division, Ended } from './course.ts';
import { merged } from './course.ts';
import { applyEffect, endsRule } from './effects.ts';
import type { Host } from './host.ts';
import { type Budget, DEEPEST, MOST_COURSES } from './limits.ts';
import type { PassingPacket } from './packet.ts';
import type { BaseChain, Effect, Part, Rule, RulePlace, Ruleset } from './rule.ts';

/** What one rule makes of a course: it goes on behind the rule, or the rule decided. */
interface Outcome<Own> {
  readonly course: Course<Own>;
  /** Null: on to the next rule. */
  readonly effect: Effect | null;
}

/** Sends courses through the chains of other programs. */
export class ChainWalker {
  readonly #ruleset: Ruleset;
  readonly #host: Host;
  readonly budget: Budget;

  constructor(ruleset: Ruleset, host: Host, budget: Budget) {
    this.#ruleset = ruleset;
    this.#host = host;
    this.budget = budget;
  }

  /** `on`: the chain accepts, by a rule or by its policy. */
  async base<Own>(chain: BaseChain, course: Course<Own>): Promise<Division<Own>> {
    const { on, accepted, ended } = await this.#chain(chain, chain.name, [course], 0);
    if (!chain.policyDrops) return { on: merged([...accepted, ...on]), ended };
    const by = { table: chain.table, chain: chain.name, text: 'policy drop' };
    const dropped = on.map((one): Ended<Own> => ({ course: one, verdict: 'drop', by, because: '' }));
    return { on: merged(accepted), ended: [...ended, ...dropped] };
  }

  /** `on`: the packet came to the end of the chain, or a rule returned. */
  async #chain<Own>(
    base: BaseChain,
    name: string,
    courses: readonly Course<Own>[],
    depth: number,
  ): Promise<Division<Own> & { readonly accepted: readonly Course<Own>[] }> {
    const ended: Ended<Own>[] = [];
    const accepted: Course<Own>[] = [];
    const returned: Course<Own>[] = [];
    const giveUp = (open: readonly Course<Own>[], because: string) => {
      this.budget.told.add(because);
      ended.push(...open.map((course): Ended<Own> => ({ course, verdict: 'unknown', by: null, because })));
      return { on: returned, accepted, ended };
    };
    const rules = depth > DEEPEST ? null : await this.#ruleset.rules(base, name);
    if (rules === null) return giveUp(courses, `chain ${name} of ${base.table} is too large to be examined`);
    let open = courses;
    for (const rule of rules) {
      if (open.length === 0) break;
      if (rule.parts.length === 0) continue;
      if (!(await this.budget.spend(open.length)))
        return giveUp(open, `chain ${name} of ${base.table} has too many rules to be examined`);
      const next: Course<Own>[] = [];
      for (const course of open) {
        for (const { course: after, effect } of this.#outcomes(rule, base, course)) {
          if (effect === null) next.push(after);
          else if (effect.kind === 'return') returned.push(after);
          else if (effect.kind === 'jump' || effect.kind === 'goto') {
            const inner = await this.#chain(base, effect.chain, [after], depth + 1);
            ended.push(...inner.ended);
            accepted.push(...inner.accepted);
            (effect.kind === 'jump' ? next : returned).push(...inner.on);
          } else if (effect.kind === 'drop' || effect.kind === 'reject' || effect.kind === 'unknown') {
            const because = effect.kind === 'unknown' ? effect.text : '';
            ended.push({ course: after, verdict: effect.kind, by: placeOf(rule), because });
          } else accepted.push(after);
        }
      }
      open = merged(next);
      if (open.length > MOST_COURSES)
        return giveUp(
          open,
          `more than ${MOST_COURSES} branches of undecided rules (chain ${name} of ${base.table})`,
        );
    }
    return { on: merged([...open, ...returned]), accepted: merged(accepted), ended };
  }

  /** What the parts of a rule, from one on, make of a course. */
  #outcomes<Own>(rule: Rule, base: BaseChain, start: Course<Own>, from = 0): Outcome<Own>[] {
    const left: Outcome<Own>[] = [];
    let course = start;
    for (let at = from; at < rule.parts.length; at++) {
      const part = rule.parts[at] as Part;
      if (part.kind === 'if') {
        const holds = part.holds(course.packet);
        if (holds === true) continue;
        left.push({ course, effect: null });
        if (holds === false) return left;
        course = assuming(course, { rule: placeOf(rule), dependsOn: holds });
        continue;
      }
      const effect = part.effect(course.packet);
      if (effect === null) return [...left, { course, effect: null }];
      if (typeof effect === 'string') {
        const other = assuming(course, { rule: placeOf(rule), dependsOn: effect });
        return [
          ...left,
          { course, effect: null },
          { course: other, effect: { kind: 'unknown', text: effect } },
        ];
      }
      if ('kind' in effect) {
        const possible = this.#possible(effect, course.packet);
        course = this.#done(rule, base, course, possible);
        if (endsRule(possible)) return [...left, { course, effect: possible }];
        continue;
      }
      const chance = { rule: placeOf(rule), dependsOn: 'chance or a count' };
      for (const one of effect) {
        const other = assuming(course, chance);
        if (one === null) left.push({ course: other, effect: null });
        else {
          const after = this.#done(rule, base, other, one);
          if (endsRule(one)) left.push({ course: after, effect: one });
          else left.push(...this.#outcomes(rule, base, after, at + 1));
        }
      }
      return left;
    }
    return [...left, { course, effect: null }];
  }

  /** A redirect by an interface that has no address drops the packet (nf_nat_redirect.c). */
  #possible(effect: Effect, packet: PassingPacket): Effect {
    if (effect.kind !== 'redirect' || this.#host.redirectAddress(packet) !== null) return effect;
    return packet.input === undefined
      ? { kind: 'unknown', text: 'the interface by which it comes in' }
      : { kind: 'drop' };
  }

  #done<Own>(rule: Rule, { hook }: BaseChain, course: Course<Own>, effect: Effect): Course<Own> {
    const packet = applyEffect(course.packet, effect, hook, this.#host);
    if (!isNoted(effect)) return { ...course, packet };
    const met = { hook, rule: placeOf(rule), effect, before: course.packet, after: packet };
    return { ...course, packet, met: [...course.met, met] };
  }
}

function placeOf({ table, chain, text }: Rule): RulePlace {
  return { table, chain, text };
}

function assuming<Own>(course: Course<Own>, assumption: Assumption): Course<Own> {
  return { ...course, assumed: [...course.assumed, assumption] };
}

/** What a reader wants to know of. */
function isNoted({ kind }: Effect): boolean {
  return !['accept', 'return', 'jump', 'goto', 'mark', 'connection-mark', 'fill'].includes(kind);
}
