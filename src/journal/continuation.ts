import { deepEqual } from '../model/equal.ts';
import type { FactChange, FactKind } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PlanOptions } from '../plan/options.ts';
import { type Edit, edited, editOf } from './edit.ts';
import { readSegment, type SegmentFile } from './folder.ts';
import { framesIn, linesIn, partsOf } from './frames.ts';
import { type ChangeLine, type Line, parseLine } from './lines.ts';
import { idOf, type State } from './recorder.ts';

/** How a segment that another process wrote can be gone on with. */
export interface Continuation {
  /** Milliseconds since the epoch: of its last record. */
  readonly last: number;
  /** Bytes of its first state, or some more, and of all of it. */
  readonly stateBytes: number;
  readonly bytes: number;
  /** What leads from its last state to the one in force. */
  readonly lines: readonly ChangeLine[];
}

/** If more objects differ than this, a new state costs no more. It also bounds the memory. */
const MOST_DIFFERENT = 5_000;

/**
 * Compares what a segment says last with the state in force, while it is read: the facts that are equal are not kept. Null:
 * it cannot be gone on with, since it is damaged, of another version or other settings, or says something quite different.
 *
 * @param version of knat
 */
export async function continuationOf(
  file: SegmentFile,
  state: State,
  { version, options }: { readonly version: string; readonly options: PlanOptions },
): Promise<Continuation | null> {
  const bytes = await readSegment(file);
  if (bytes === null) return null;
  const frames = framesIn(bytes);
  if (frames.end !== bytes.length) return null; // nothing is written after what cannot be read
  const comparison = new Comparison(state);
  let stateBytes = 0;
  for await (const { contents, end } of partsOf(frames)) {
    for (const text of linesIn(contents)) {
      const line = parseLine(text);
      if (line[0] === 'journal' && (line[1].format !== 1 || line[1].version !== version)) return null;
      if (line[0] === 'options' && !deepEqual(line[1], options)) return null;
      if (line[0] === 'complete') stateBytes = end;
      comparison.read(line);
    }
    if (comparison.differing.size > MOST_DIFFERENT) return null;
  }
  const lines = stateBytes === 0 ? null : comparison.lines();
  if (lines === null || lines.length > MOST_DIFFERENT) return null;
  return { last: comparison.last, stateBytes, bytes: bytes.length, lines };
}

type Fact = FactChange['fact'];

class Comparison {
  readonly #state: State;
  /** Facts in force of objects that the segment has, or had. */
  readonly #seen = new Set<Fact>();
  /** Facts that the segment has now and that differ from those in force, by kind and key. */
  readonly differing = new Map<string, readonly [FactKind, key: string, Fact]>();
  #node: NodeFacts | null = null;
  #pending: ChangeLine[] = [];
  /** Milliseconds since the epoch: of the last record. */
  last = 0;

  constructor(state: State) {
    this.#state = state;
  }

  read(line: Line): void {
    switch (line[0]) {
      case 'journal':
        this.last = line[1].at;
        break;
      case 'fact':
        this.#put(line[1], line[2], line[3]);
        break;
      case 'node':
        this.#node = line[1];
        break;
      case 'c':
      case 'n':
        this.#pending.push(line);
        break;
      case '=':
        this.last += line[1];
        for (const change of this.#pending) this.#change(change);
        this.#pending = [];
        break;
      case 'start':
      case 'e':
      case 'end':
        this.last += line[1];
        break;
      case 'options':
      case 'complete':
        break;
      default:
        line satisfies never;
    }
  }

  /** What leads to the state in force. */
  lines(): ChangeLine[] {
    const { node } = this.#state;
    const lines: ChangeLine[] = [];
    for (const [kind, key, before] of this.differing.values()) {
      const after = this.#state.fact(kind, key);
      const edit = after === null ? null : before === null ? ([after] as const) : editOf(before, after);
      lines.push(['c', kind, key, edit]);
    }
    for (const [kind, key, fact] of this.#state.facts()) {
      if (!this.#seen.has(fact)) lines.push(['c', kind, key, [fact]]);
    }
    const nodeEdit = editOf(this.#node, node);
    if (nodeEdit !== null) lines.push(['n', nodeEdit]);
    return lines;
  }

  #change(line: ChangeLine): void {
    if (line[0] === 'n') {
      this.#node = edited(this.#node, line[1]) as NodeFacts;
      return;
    }
    const [, kind, key, edit] = line;
    const differing = this.differing.size === 0 ? undefined : this.differing.get(idOf(kind, key));
    const before = differing === undefined ? this.#state.fact(kind, key) : differing[2];
    this.#put(kind, key, edit === null ? null : (edited(before, edit as Edit) as Fact));
  }

  #put(kind: FactKind, key: string, fact: Fact): void {
    const now = this.#state.fact(kind, key);
    this.#seen.add(now);
    if (!deepEqual(fact, now)) this.differing.set(idOf(kind, key), [kind, key, fact]);
    else if (this.differing.size > 0) this.differing.delete(idOf(kind, key));
  }
}
