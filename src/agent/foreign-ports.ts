import type { RuleReading } from '../datapath/coexistence/foreign-rules.ts';
import { portRules } from '../datapath/coexistence/port-rules.ts';
import { deepEqual } from '../model/equal.ts';
import type { HostListener } from '../model/node.ts';
import { RuleKeeper, type WatchRules } from './rule-keeper.ts';
import type { TakenPortSource } from './taken-ports.ts';

export interface DestinationRules {
  read(kind: 'destination', signal: AbortSignal): Promise<RuleReading>;
  hasLegacy(kind: 'destination'): boolean;
}

/** Milliseconds between looks at legacy iptables, which does not notify of changes; docs/pod-nat.md names it. */
const LOOK = 10_000;
/** Rest after a look, as a multiple of its duration: looking takes at most 5 % of the time. */
const REST_PER_WORK = 20;
/** Milliseconds before a look is aborted. */
const LONGEST = 10_000;

const TROUBLE = 'KNAT_PORT_RULES_UNSEEN';

/**
 * Ports of this node that other programs' rules translate: port mappings of CNI plugins, docker and podman, and an
 * administrator's rules. They are claims, as host sockets are. docs/spec/pod-nat.md, "Who wins".
 */
export class ForeignPorts implements TakenPortSource {
  readonly #rules: DestinationRules;
  readonly #watchChains: WatchRules;
  readonly #isOwn: (chain: string) => boolean;
  #found: readonly HostListener[] = [];
  #problem: string | null = null;

  /** @param isOwn chains that claim no port: those of a podnat-controller that knat replaces */
  static async open(
    rules: DestinationRules,
    watchChains: WatchRules,
    isOwn: (chain: string) => boolean,
    signal: AbortSignal,
  ): Promise<ForeignPorts> {
    const ports = new ForeignPorts(rules, watchChains, isOwn);
    await ports.#look(signal);
    return ports;
  }

  private constructor(rules: DestinationRules, watchChains: WatchRules, isOwn: (chain: string) => boolean) {
    this.#rules = rules;
    this.#watchChains = watchChains;
    this.#isOwn = isOwn;
  }

  current(): { readonly portRules: readonly HostListener[] } {
    return { portRules: this.#found };
  }

  watch(
    onChange: () => void,
    trouble: (code: typeof TROUBLE, message: string | null) => void,
    inForce: Promise<void>,
  ): () => void {
    trouble(TROUBLE, this.#problem);
    const end = new AbortController();
    const keeper = new RuleKeeper({
      settle: async (signal) => {
        const before = this.#problem;
        const isNews = await this.#look(signal);
        if (signal.aborted) return;
        if (this.#problem !== before) trouble(TROUBLE, this.#problem);
        if (isNews) onChange();
      },
      watch: this.#watchChains,
      every: LOOK,
      isPolled: () => this.#rules.hasLegacy('destination') || this.#problem !== null,
      restPerWork: REST_PER_WORK,
    });
    void inForce.then(() => keeper.due()); // for changes since the first look
    void keeper.run(end.signal);
    return () => end.abort();
  }

  /** True when something changed. While rules cannot be read, the last ones stay. */
  async #look(signal: AbortSignal): Promise<boolean> {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST)]);
      const { tables, unseen } = await this.#rules.read('destination', limit);
      const found = portRules(tables, this.#isOwn).map(
        ({ by, to, ...rest }): HostListener => ({ ...rest, held: { by, to, pod: null } }),
      );
      this.#problem = unseen.length === 0 ? null : unseen.join('; ');
      if (deepEqual(found, this.#found)) return false;
      this.#found = found;
      return true;
    } catch (error) {
      if (!signal.aborted) this.#problem = error instanceof Error ? error.message : String(error);
      return false;
    }
  }
}
