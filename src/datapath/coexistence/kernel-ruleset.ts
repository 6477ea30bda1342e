import type { Family } from '../../net/family.ts';
import { MOST_RULES } from '../../netfilter/limits.ts';
import type { Interface } from '../../netfilter/packet.ts';
import type { BaseChain, HookName, Rule, Ruleset } from '../../netfilter/rule.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import {
  type ChainDeclaration,
  NFT_TABLE_F_DORMANT,
  type RuleDeclaration,
} from '../../wire/nftables/declarations.ts';
import { inSteps } from './in-steps.ts';
import { InterfaceChains } from './interface-chains.ts';
import type { KernelHost } from './kernel-host.ts';
import { legacySources } from './legacy-tables.ts';
import type { IpTableFamily } from './native-tables.ts';
import { RuleDumps } from './rule-dumps.ts';
import { CompiledRule, type RuleContext } from './ruleset/compile.ts';
import { SetView } from './ruleset/set-view.ts';
import type { TargetHook } from './ruleset/xt-targets.ts';

/** Where the chains of some base chains are read. */
interface ChainSource {
  /** Null: more rules than are read. */
  read(chain: string, end: TargetHook): Promise<readonly Rule[] | null>;
}

interface SourcedBase extends BaseChain {
  readonly source: ChainSource;
}

/** Our own tables, including those with temporary names: the plan says what they do. */
const OWN_TABLES = /^knat(_|$)/;

/** NF_DROP of netfilter.h. */
const NF_DROP = 0;

/**
 * All rules of other programs for packets of one family, as the kernel of this network namespace has them. A chain is read when a
 * packet comes to it, in turns of the event loop.
 */
export class KernelRuleset implements Ruleset {
  readonly bases: readonly BaseChain[];
  readonly #connection: NftablesConnection;
  readonly #dumps: RuleDumps;
  readonly #generation: number;
  readonly #atInterfaces: InterfaceChains | null;
  readonly #read = new Map<string, readonly Rule[] | null>();
  readonly #numbers = new Map<ChainSource, number>();

  /** Throws Denied without rights. */
  static async open(family: Family, host: KernelHost): Promise<KernelRuleset> {
    const connection = new NftablesConnection();
    const dumps = new RuleDumps(MOST_RULES);
    try {
      const generation = connection.generation().id;
      const native = await nativeBases(connection, family, host, dumps);
      const legacy = legacySources(family, host, MOST_RULES).flatMap(({ bases, rules }) => {
        const source: ChainSource = {
          read: async (chain, end) => await inStepsOf((into) => rules(chain, end, into)),
        };
        return bases.map((base): SourcedBase => ({ ...base, source }));
      });
      let atInterfaces: InterfaceChains | null = null;
      await inSteps(InterfaceChains.steps(connection, (chains) => (atInterfaces = chains)));
      return new KernelRuleset(connection, dumps, generation, [...native, ...legacy], atInterfaces);
    } catch (error) {
      connection.retire();
      dumps.close();
      throw error;
    }
  }

  private constructor(
    connection: NftablesConnection,
    dumps: RuleDumps,
    generation: number,
    bases: readonly SourcedBase[],
    atInterfaces: InterfaceChains | null,
  ) {
    this.#connection = connection;
    this.#dumps = dumps;
    this.#generation = generation;
    this.bases = bases;
    this.#atInterfaces = atInterfaces;
  }

  besideHooks(end: 'ingress' | 'egress', one: Interface): readonly string[] {
    return this.#atInterfaces?.at(end, one) ?? [];
  }

  /** Another transaction changed rules since this was opened. */
  get isOutdated(): boolean {
    return this.#connection.generation().id !== this.#generation;
  }

  close(): void {
    this.#connection.retire();
    this.#dumps.close();
  }

  async rules(base: BaseChain, chain: string): Promise<readonly Rule[] | null> {
    const { source, hook } = base as SourcedBase;
    const end = endOf(hook);
    const number = this.#numbers.get(source) ?? this.#numbers.size;
    this.#numbers.set(source, number);
    const key = `${number} ${end} ${chain}`;
    let rules = this.#read.get(key);
    if (rules === undefined) {
      rules = await source.read(chain, end);
      this.#read.set(key, rules);
    }
    return rules;
  }
}

function endOf(hook: HookName): TargetHook {
  return hook === 'prerouting' || hook === 'output' ? 'destination' : 'source';
}

/** `enum nf_inet_hooks`. */
const HOOK_NUMBERS: Readonly<Record<number, HookName>> = Object.fromEntries(
  (['prerouting', 'input', 'forward', 'output', 'postrouting'] as const).map((name, number) => [
    number,
    name,
  ]),
);

async function nativeBases(
  connection: NftablesConnection,
  family: Family,
  host: KernelHost,
  dumps: RuleDumps,
): Promise<SourcedBase[]> {
  const bases: SourcedBase[] = [];
  for (const tableFamily of [family === 'IPv4' ? 'ip' : 'ip6', 'inet'] as const) {
    const tables = new Map(connection.tables(tableFamily).map((table) => [table.name ?? '', table]));
    const sources = new Map<string, ChainSource>();
    const found: ChainDeclaration[] = [];
    await inSteps(
      connection.chainSteps(tableFamily, (chain) => chain.hook !== undefined && found.push(chain)),
    );
    // Of one priority, the chain that was made last is asked first.
    for (const { table: name = '', name: chain = '', hook, type = '', policy } of found.reverse()) {
      const table = tables.get(name);
      const isAsleep = ((table?.flags ?? 0) & NFT_TABLE_F_DORMANT) !== 0;
      const place = HOOK_NUMBERS[hook?.hook ?? -1];
      if (
        table === undefined ||
        isAsleep ||
        OWN_TABLES.test(name) ||
        place === undefined ||
        hook === undefined
      )
        continue;
      if (hook.device !== undefined || (type !== 'filter' && type !== 'nat' && type !== 'route')) continue;
      const title = `table ${tableFamily} ${name}`;
      let source = sources.get(name);
      if (source === undefined) {
        source = new NativeTable(connection, tableFamily, name, { title, family, host }, dumps);
        sources.set(name, source);
      }
      const age = table.handle === undefined ? null : Number(table.handle);
      bases.push({
        table: title,
        name: chain,
        type,
        hook: place,
        priority: hook.priority ?? 0,
        policyDrops: policy === NF_DROP,
        age,
        source,
      });
    }
  }
  return bases;
}

class NativeTable implements ChainSource {
  readonly #connection: NftablesConnection;
  readonly #family: IpTableFamily;
  readonly #name: string;
  readonly #context: Pick<RuleContext, 'title' | 'family' | 'host'>;
  readonly #dumps: RuleDumps;
  #sets: ReadonlyMap<string, SetView> | null = null;

  constructor(
    connection: NftablesConnection,
    family: IpTableFamily,
    name: string,
    context: Pick<RuleContext, 'title' | 'family' | 'host'>,
    dumps: RuleDumps,
  ) {
    this.#connection = connection;
    this.#family = family;
    this.#name = name;
    this.#context = context;
    this.#dumps = dumps;
  }

  async read(chain: string, end: TargetHook): Promise<readonly Rule[] | null> {
    const declared = await this.#dumps.rules(this.#family, this.#name, chain);
    if (declared === null) return null;
    const context: RuleContext = { ...this.#context, end, setNamed: (name) => this.#setNamed(name) };
    const rules: Rule[] = [];
    await inSteps(compiled(declared, context, rules));
    return rules;
  }

  #setNamed(name: string): SetView | null {
    this.#sets ??= new Map(
      this.#connection
        .sets(this.#family, this.#name)
        .map((declaration) => [
          declaration.name ?? '',
          new SetView(this.#connection, this.#family, declaration),
        ]),
    );
    return this.#sets.get(name) ?? null;
  }
}

function* compiled(
  declared: readonly RuleDeclaration[],
  context: RuleContext,
  into: Rule[],
): Generator<undefined> {
  for (const rule of declared) {
    into.push(new CompiledRule(rule, context));
    yield;
  }
}

/** The rules that the steps give; null: none are read. */
async function inStepsOf(
  stepsInto: (into: Rule[]) => Iterable<undefined> | null,
): Promise<readonly Rule[] | null> {
  const rules: Rule[] = [];
  const steps = stepsInto(rules);
  if (steps === null) return null;
  await inSteps(steps);
  return rules;
}
