import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

/** A piece of a document that is set off as code, by indentation or by a fence, without blank lines in it. */
export interface Block {
  /** `docs/egress.md:16` */
  readonly origin: string;
  readonly text: string;
}

/** The code pieces of a Markdown file. A blank line ends a piece. */
export function codeBlocks(path: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let start = 0;
  let isFenced = false;
  const end = () => {
    if (lines.length > 0)
      blocks.push({ origin: `${path}:${start}`, text: `${outdented(lines).join('\n')}\n` });
    lines = [];
  };
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence) isFenced = !isFenced;
    const isCode = !isFence && line.trim() !== '' && (isFenced || /^ {4}/.test(line));
    if (!isCode) {
      end();
      continue;
    }
    if (lines.length === 0) start = index + 1;
    lines.push(line);
  }
  end();
  return blocks;
}

function outdented(lines: readonly string[]): string[] {
  const depth = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(depth));
}

/** The input for a program that a block contains: manifests, expectations, or neither. */
export function kindOfBlock({ text }: Block): 'manifests' | 'expectations' | null {
  if (/^kind: /m.test(text) && /^apiVersion: /m.test(text)) return 'manifests';
  return /^expectations:/m.test(text) ? 'expectations' : null;
}

/** The objects of a block. Throws the error of the YAML parser. */
export function objectsOf({ text, origin }: Block): Record<string, unknown>[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${origin}: ${error.message}`);
    return document.toJS() as Record<string, unknown>;
  });
}
