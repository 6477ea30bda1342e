/** What the examination of one packet may cost. What is beyond is told, never guessed. */
export const MOST_RULES = 50_000;
/** Courses of one packet at one time: each undecided rule may double them. */
export const MOST_COURSES = 64;
/** As deep as nf_tables allows (NFT_JUMP_STACK_SIZE); iptables-legacy allows more, and real rulesets stay below. */
export const DEEPEST = 32;
/** Rules between two turns of the event loop. */
export const RULES_PER_TURN = 500;

/** Counts down while one packet is examined. */
export class Budget {
  #rules = MOST_RULES;
  #untilTurn = RULES_PER_TURN;
  readonly #turn: () => Promise<void>;
  /** What was left out, for people. */
  readonly told = new Set<string>();

  /** @param turn lets other work happen */
  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  get isSpent(): boolean {
    return this.#rules <= 0;
  }

  /** Counts rules that were examined; false when there were too many. */
  async spend(count: number): Promise<boolean> {
    this.#rules -= count;
    this.#untilTurn -= count;
    if (this.#untilTurn <= 0) {
      this.#untilTurn = RULES_PER_TURN;
      await this.#turn();
    }
    if (!this.isSpent) return true;
    this.told.add(`more than ${MOST_RULES} rules of other programs would have to be examined`);
    return false;
  }
}
