import type { WhatIfJson } from '../forms/what-if.ts';
import { printableJson } from '../model/printable.ts';

/**
 * The answer as JSON text, class by class: the text of a large answer is longer than a text of V8 can be.
 * @param indent as for JSON.stringify; 0: without line breaks
 */
export function* jsonPieces({ changes, ...rest }: StreamedWhatIf, indent: 0 | 2): Generator<string> {
  const [line, space] = indent === 0 ? ['', ''] : ['\n', ' '];
  const [outer, inner] = indent === 0 ? ['', ''] : ['  ', '    '];
  yield `{${line}${outer}"changes":${space}[`;
  let count = 0;
  for (const change of changes) {
    const text = printableJson(JSON.stringify(change, null, indent));
    yield `${count === 0 ? '' : ','}${line}${inner}${text.replaceAll('\n', `\n${inner}`)}`;
    count++;
  }
  // The other parts follow as they stand in an object of their own, without its opening brace.
  const others = printableJson(JSON.stringify(rest, null, indent)).slice(1);
  yield `${count === 0 ? '' : line + outer}],${others}`;
}

/** Pieces of at least some length, so that each is worth a write. */
export function* joinedPieces(pieces: Iterable<string>): Generator<string> {
  let joined = '';
  for (const piece of pieces) {
    joined += piece;
    if (joined.length < PIECE) continue;
    yield joined;
    joined = '';
  }
  yield joined;
}

const PIECE = 1 << 16;

/** As `WhatIfJson`, whose classes may be made one after the other. */
export interface StreamedWhatIf extends Omit<WhatIfJson, 'changes'> {
  readonly changes: Iterable<WhatIfJson['changes'][number]>;
}
