import { deepEqual } from '../../model/equal.ts';
import type { Finding } from '../../model/finding.ts';
import { type AnyFact, factKey, parseFact } from '../objects/fact-object.ts';
import { objectRef, type ParseContext } from '../objects/metadata.ts';
import { lastGoodFinding } from '../objects/parsed.ts';
import type { Resource } from './resources.ts';

/** The value of one object of a resource; null when it is gone or no fact. */
export interface ObjectChange {
  readonly key: string;
  readonly fact: AnyFact | null;
}

/** Where the changes of a resource go. */
export interface ObjectSink {
  apply(changes: readonly ObjectChange[]): void;
  /** The problems of one object, replacing those reported before. */
  report(key: string, problems: readonly Finding[]): void;
}

/**
 * The objects of one resource as facts; the JSON is not kept. Objects that do not validate keep their last good
 * value. What a new list does not name is removed when that list is complete, and not before.
 */
export class ResourceObjects {
  readonly #resource: Resource;
  readonly #context: ParseContext;
  readonly #sink: ObjectSink;
  /** Every object that exists; null if it is no fact, or was never valid. */
  readonly #facts = new Map<string, AnyFact | null>();
  /** Keys with a reported problem. */
  readonly #troubled = new Set<string>();
  /** Keys that the list under way has named; null when there is none. */
  #listed: Set<string> | null = null;
  #changes: ObjectChange[] = [];

  constructor(resource: Resource, context: ParseContext, sink: ObjectSink) {
    this.#resource = resource;
    this.#context = context;
    this.#sink = sink;
  }

  get size(): number {
    return this.#facts.size;
  }

  /** A list begins; an unfinished earlier list is forgotten. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** The list is complete: what it did not name is gone. */
  endList(): void {
    if (this.#listed === null) return;
    for (const key of this.#facts.keys()) if (!this.#listed.has(key)) this.#remove(key);
    this.#listed = null;
    this.flush();
  }

  /** The object is there, with this content. */
  set(object: unknown): void {
    const { kind } = this.#resource;
    const key = factKey(kind, object);
    if (key === '') return;
    const before = this.#facts.get(key);
    this.#listed?.add(key);
    const parsed = parseFact(kind, object, this.#context);
    if (parsed.ok) {
      this.#report(key, parsed.warnings);
      if (before === undefined) this.#facts.set(key, parsed.fact);
      else if (deepEqual(before, parsed.fact)) return;
      else this.#facts.set(key, parsed.fact);
      if (parsed.fact !== null || (before ?? null) !== null) this.#changes.push({ key, fact: parsed.fact });
      return;
    }
    if (before === undefined) this.#facts.set(key, null);
    this.#report(key, [
      ...parsed.problems,
      lastGoodFinding(objectRef(kind, object), (before ?? null) !== null),
    ]);
  }

  /** The object is gone. */
  delete(object: unknown): void {
    this.#remove(factKey(this.#resource.kind, object));
  }

  /** Hands over what changed since the last call. */
  flush(): void {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#sink.apply(changes);
  }

  #remove(key: string): void {
    const before = this.#facts.get(key);
    if (before === undefined) return;
    this.#facts.delete(key);
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
