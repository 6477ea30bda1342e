import type { PassingPacket } from '../../netfilter/packet.ts';
import type { FoundRule } from '../../wire/route/rule.ts';

/** Values of the TOS that old rules and routes can ask for: IPTOS_RT_MASK. Later kernels take all of DSCP. */
const COMMON_TOS = [4, 8, 12, 16, 20, 24, 28];

/** What rules of policy routing ask of a packet that a question to the kernel does not tell. */
export class PolicyRouting {
  readonly #rules: readonly FoundRule[];
  /** Something else than an address, or a source, decides between tables. */
  readonly hasSelectors: boolean;
  /** Each may have routes of its own. */
  readonly tos: readonly number[];

  constructor(rules: readonly FoundRule[]) {
    this.#rules = rules;
    this.hasSelectors = rules.some(({ source, hasMoreSelectors }) => source.length > 0 || hasMoreSelectors);
    this.tos = [...new Set([...COMMON_TOS, ...rules.map(({ tos }) => tos).filter((tos) => tos !== 0)])];
  }

  /** What the way of the packet depends on; null: the kernel can be asked. */
  openFor({ family, protocol, sourcePort, isLocal }: PassingPacket): string | null {
    const asks = new Set(
      this.#rules.filter((rule) => rule.family === family).flatMap((rule) => [...rule.asks]),
    );
    if (asks.has('user') && isLocal) return 'which user sends it (a rule of policy routing asks)';
    if (asks.has('flow label')) return 'the flow label of the packet (a rule of policy routing asks)';
    if (protocol === 'SCTP' && (asks.has('protocol') || asks.has('source port') || asks.has('port')))
      return 'policy routing by protocol or port, of which the kernel says nothing for SCTP';
    if (asks.has('source port') && sourcePort === null)
      return 'the source port (a rule of policy routing asks)';
    return null;
  }
}
