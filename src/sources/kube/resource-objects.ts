import type { EndpointFact } from '../../model/endpoint-slice.ts';
import { deepEqual } from '../../model/equal.ts';
import type { FactTypes, ObjectKind, Writer } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { factKey, parseFact } from '../objects/fact-object.ts';
import { objectRef, type ParseContext, writerOf } from '../objects/metadata.ts';
import { lastGoodFinding } from '../objects/parsed.ts';
import { EndpointTexts } from './endpoint-texts.ts';
import type { Resource } from './resources.ts';

type Fact = FactTypes[ObjectKind];

/** The value of one object; null when it was removed or is no fact. */
export interface ObjectChange {
  readonly key: string;
  readonly fact: Fact | null;
  /** As in `FactChange`. */
  readonly by?: Writer;
}

export interface ObjectSink {
  apply(changes: readonly ObjectChange[]): void;
  /** Replaces the problems reported before. */
  report(key: string, problems: readonly Finding[]): void;
}

/**
 * The objects of one resource as facts; the JSON is not kept. Objects that do not validate keep their last good value.
 * Objects missing in a new list are removed only when that list is complete.
 */
export class ResourceObjects {
  readonly #resource: Resource;
  readonly #context: ParseContext;
  readonly #sink: ObjectSink;
  readonly #texts: EndpointTexts | null;
  /** Every existing object; null if it is no fact, or was never valid. */
  readonly #facts = new Map<string, Fact | null>();
  readonly #troubled = new Set<string>();
  /** Keys in the unfinished list; null without one. */
  #listed: Set<string> | null = null;
  #changes: ObjectChange[] = [];
  /** A list was complete once. */
  #isListed = false;

  constructor(resource: Resource, context: ParseContext, sink: ObjectSink) {
    this.#resource = resource;
    this.#context = context;
    this.#sink = sink;
    this.#texts = resource.kind === 'EndpointSlice' ? new EndpointTexts() : null;
  }

  get size(): number {
    return this.#facts.size;
  }

  /** Objects of the unfinished list; without one, all. */
  get listed(): number {
    return (this.#listed ?? this.#facts).size;
  }

  /** Discards an unfinished earlier list. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** Removes the objects that the complete list does not contain. */
  endList(): void {
    if (this.#listed === null) return;
    for (const key of this.#facts.keys()) if (!this.#listed.has(key)) this.#remove(key);
    this.#listed = null;
    this.#isListed = true;
    this.flush();
  }

  /** A line of the watch as JSON, whose object is for `set` and `delete` alone. Throws SyntaxError. */
  parse(line: string): unknown {
    return this.#texts === null ? JSON.parse(line) : this.#texts.parse(line);
  }

  /** False if the object has no name, so that nobody knows which one it is. */
  set(object: unknown): boolean {
    const { kind } = this.#resource;
    const key = factKey(kind, object);
    if (key === '') return false;
    this.#setNamed(key, object);
    return true;
  }

  /** False if the object has no name. */
  delete(object: unknown): boolean {
    const key = factKey(this.#resource.kind, object);
    this.#remove(key);
    return key !== '';
  }

  flush(): void {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#sink.apply(changes);
  }

  #setNamed(key: string, object: unknown): void {
    const { kind } = this.#resource;
    const before = this.#facts.get(key);
    this.#listed?.add(key);
    const parsed = parseFact(kind, object, this.#context, before);
    this.#texts?.became(object, parsed.ok && parsed.fact !== null ? endpointsOf(parsed.fact) : null);
    if (parsed.ok) {
      this.#report(key, parsed.warnings);
      if (before === undefined) this.#facts.set(key, parsed.fact);
      else if (deepEqual(before, parsed.fact)) return;
      else this.#facts.set(key, parsed.fact);
      if (parsed.fact === null && (before ?? null) === null) return;
      // Objects that existed at the start changed before anybody looked.
      const by = this.#isListed ? writerOf(object) : undefined;
      this.#changes.push({ key, fact: parsed.fact, ...(by === undefined ? {} : { by }) });
      return;
    }
    if (before === undefined) this.#facts.set(key, null);
    this.#report(key, [
      ...parsed.problems,
      lastGoodFinding(objectRef(kind, object), (before ?? null) !== null),
    ]);
  }

  #remove(key: string): void {
    const before = this.#facts.get(key);
    if (before === undefined) return;
    this.#facts.delete(key);
    this.#texts?.forget(key);
    this.#listed?.delete(key);
    this.#report(key, []);
    if (before !== null) this.#changes.push({ key, fact: null });
  }

  #report(key: string, problems: readonly Finding[]): void {
    if (problems.length === 0 && !this.#troubled.delete(key)) return;
    if (problems.length > 0) this.#troubled.add(key);
    this.#sink.report(
      key,
      problems.map((problem) => ({ ...problem, origin: 'kubernetes' })),
    );
  }
}

function endpointsOf(fact: Fact): readonly EndpointFact[] | null {
  return 'endpoints' in fact ? fact.endpoints : null;
}
