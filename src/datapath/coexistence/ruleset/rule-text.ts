import { textOf } from '../../../wire/bytes.ts';

/** libnftnl's userdata of a rule (type, length, value): NFTNL_UDATA_RULE_COMMENT is type 0, NUL-terminated. */
const UDATA_COMMENT = 0;

/** The text of a rule as it grows; what reads sets is made only when somebody wants to see it. */
export class RuleText {
  readonly #pieces: (string | (() => string))[] = [];

  add(piece: string): void {
    this.#pieces.push(piece);
  }

  addLater(piece: () => string): void {
    this.#pieces.push(piece);
  }

  /** Adds the comment. */
  with(userdata: Uint8Array | undefined): this {
    for (
      let at = 0;
      userdata !== undefined && at + 2 <= userdata.length;
      at += 2 + (userdata[at + 1] as number)
    ) {
      const end = Math.min(userdata.length, at + 2 + (userdata[at + 1] as number));
      if (userdata[at] === UDATA_COMMENT)
        this.add(`comment ${JSON.stringify(textOf(userdata, at + 2, end))}`);
    }
    return this;
  }

  toString(): string {
    const pieces = this.#pieces.map((piece) => (typeof piece === 'string' ? piece : piece()));
    return withProtocols(pieces).join(' ');
  }
}

/** `meta l4proto tcp th dport 80` is written as `tcp dport 80`. */
function withProtocols(pieces: readonly string[]): string[] {
  const protocol = pieces
    .map((piece) => /^(?:meta l4proto|ip protocol|ip6 nexthdr) (tcp|udp|sctp)$/.exec(piece)?.[1])
    .find((name) => name !== undefined);
  if (protocol === undefined || !pieces.some((piece) => piece.startsWith('th '))) return [...pieces];
  return pieces
    .filter((piece) => !/^(?:meta l4proto|ip protocol|ip6 nexthdr) (tcp|udp|sctp)$/.test(piece))
    .map((piece) => piece.replace(/^th /, `${protocol} `));
}
