import { KernelHost } from '../datapath/coexistence/kernel-host.ts';
import { CompiledRule } from '../datapath/coexistence/ruleset/compile.ts';
import { SetView } from '../datapath/coexistence/ruleset/set-view.ts';
import type { Family } from '../net/family.ts';
import { Busy, Rejected } from '../wire/errors.ts';
import type { NftablesConnection } from '../wire/nftables/connection.ts';
import type { RuleDeclaration } from '../wire/nftables/declarations.ts';
import type { Verdict } from '../wire/nftables/element.ts';
import type { TraceEvent } from '../wire/nftables/trace.ts';
import { hookOf, type TracedHook } from './trace-table.ts';

/** Longest text of a rule, in characters. */
const LONGEST = 400;

type Place = Pick<TraceEvent, 'family' | 'table' | 'chain'>;

export interface BaseChain {
  readonly hook: TracedHook | null;
  /** `filter`, `nat`, `route` */
  readonly type: string;
}

/**
 * Chains and rules by the names and handles of steps. Asks the kernel for one at a time, so that a table of another
 * program with many thousand rules costs nothing. What is asked again for the same packet is remembered.
 */
export class RuleBook {
  readonly #connection: NftablesConnection;
  readonly #family: Family;
  #host: KernelHost | null = null;
  readonly #sets = new Map<string, ReadonlyMap<string, SetView>>();
  readonly #chains = new Map<string, BaseChain>();
  readonly #rules = new Map<string, RuleDeclaration | null>();

  /** @param family of the packets */
  constructor(connection: NftablesConnection, family: Family) {
    this.#connection = connection;
    this.#family = family;
  }

  /** Forgets all: handles begin again in a table that is made anew. */
  forget(): void {
    this.#chains.clear();
    this.#rules.clear();
    this.#sets.clear();
    this.close();
  }

  close(): void {
    this.#host?.close();
    this.#host = null;
  }

  base({ family, table, chain }: Place): BaseChain {
    const key = `${family} ${table} ${chain}`;
    const known = this.#chains.get(key);
    if (known !== undefined) return known;
    const { hook, type = '' } = this.#quietly(() => this.#connection.chain(family, table, chain)) ?? {};
    const base = { hook: hookOf(hook?.hook), type };
    this.#chains.set(key, base);
    return base;
  }

  /** Null: it is gone, or the step is no rule. */
  rule({ family, table, chain, handle }: Place & Pick<TraceEvent, 'handle'>): RuleDeclaration | null {
    if (handle === null) return null;
    const key = `${family} ${table} ${chain} ${handle}`;
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    const rule = this.#quietly(() => this.#connection.rule(family, table, chain, handle));
    this.#rules.set(key, rule);
    return rule;
  }

  /** The step in words: the rule, or why the chain ended. */
  text(event: TraceEvent): string | null {
    if (event.type === 'policy') return `policy ${verdictWords(event.verdict)}`;
    if (event.type === 'return') return 'end of the chain';
    const rule = this.rule(event);
    return rule === null ? null : this.#ruleText(rule, event);
  }

  #ruleText(rule: RuleDeclaration, place: Place): string {
    this.#host ??= new KernelHost();
    const { text } = new CompiledRule(rule, {
      title: `table ${place.family} ${place.table}`,
      family: this.#family,
      end: 'destination',
      host: this.#host,
      setNamed: (name) => this.#setsOf(place).get(name) ?? null,
    });
    return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  }

  #setsOf({ family, table }: Place): ReadonlyMap<string, SetView> {
    const key = `${family} ${table}`;
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const declared = this.#quietly(() => this.#connection.sets(family, table)) ?? [];
    const views = declared.map(
      (set) => [set.name ?? '', new SetView(this.#connection, family, set)] as const,
    );
    const sets = new Map(views);
    this.#sets.set(key, sets);
    return sets;
  }

  /** Null where the kernel refuses: what is asked for was deleted meanwhile. */
  #quietly<Read>(read: () => Read): Read | null {
    try {
      return read();
    } catch (error) {
      if (error instanceof Rejected || error instanceof Busy) return null;
      throw error;
    }
  }
}

export function verdictWords({ code, chain }: Verdict): string {
  return chain === undefined ? String(code) : `${code} ${chain}`;
}
