import type { RuleReading } from '../datapath/coexistence/foreign-rules.ts';
import { portRules } from '../datapath/coexistence/port-rules.ts';
import { deepEqual } from '../model/equal.ts';
import type { HostListener } from '../model/node.ts';
import { RuleKeeper, type WatchRules } from './rule-keeper.ts';
import type { TakenPortSource } from './taken-ports.ts';

/** The rules of other programs that translate destinations. */
export interface DestinationRules {
  read(kind: 'destination', signal: AbortSignal): Promise<RuleReading>;
  hasLegacy(kind: 'destination'): boolean;
}

/** Legacy iptables notifies nobody of changes: milliseconds between two looks where it has rules; docs/pod-nat.md names it. */
const LOOK = 10_000;
/** Rest after a look, as a multiple of its time: looking takes 5 % of the time at most. */
const REST_PER_WORK = 20;
/** A look that takes longer is given up; milliseconds. */
const LONGEST = 10_000;

const TROUBLE = 'KNAT_PORT_RULES_UNSEEN';

/**
 * Ports of this node that rules of other programs send elsewhere: port mappings of CNI plugins, docker and podman, an
 * administrator's own. They are claims like the sockets of the host. docs/spec/pod-nat.md, "Who wins".
 */
export class ForeignPorts implements TakenPortSource {
  readonly #rules: DestinationRules;
  readonly #watchChains: WatchRules;
  readonly #isOwn: (chain: string) => boolean;
  #found: readonly HostListener[] = [];
  #problem: string | null = null;

  /**
   * Looks for the first time.
   *
   * @param isOwn chains that claim no port: those of a podnat-controller that knat replaces
   */
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

  watch(onChange: () => void, trouble: (code: typeof TROUBLE, message: string | null) => void): () => void {
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
    keeper.due(); // for changes between the first look and now
    void keeper.run(end.signal);
    return () => end.abort();
  }

  /** True when something changed. While rules cannot be read, those read last stay. */
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
