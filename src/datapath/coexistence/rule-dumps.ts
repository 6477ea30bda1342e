import { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { RuleDeclaration } from '../../wire/nftables/declarations.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { inSteps } from './in-steps.ts';

/**
 * Reads rules chain by chain until so many were read. It has a socket of its own, since a dump that is left in the middle cannot
 * be followed by another question.
 */
export class RuleDumps {
  #left: number;
  #connection: NftablesConnection | null = null;

  constructor(most: number) {
    this.#left = most;
  }

  /** Null: the limit is reached in this chain or was before; then nothing more is read. Throws Busy and Rejected. */
  async rules(family: NftFamily, table: string, chain: string): Promise<RuleDeclaration[] | null> {
    if (this.#left < 0) return null;
    this.#connection ??= new NftablesConnection();
    const found: RuleDeclaration[] = [];
    const steps = this.#connection.ruleSteps(family, table, chain, (rule) => {
      if (this.#left-- > 0) found.push(rule);
    });
    await inSteps(steps, () => this.#left < 0);
    if (this.#left >= 0) return found;
    this.close();
    return null;
  }

  close(): void {
    this.#connection?.retire();
    this.#connection = null;
  }
}
