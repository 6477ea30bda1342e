import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { FACT_KINDS, type FactChange, type FactKind } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { FactStore } from '../plan/fact-store.ts';
import type { NotedEvent } from './lines.ts';

type Fact = FactChange['fact'];

/** What the journal follows: the facts as they are now. */
export interface Subject {
  readonly facts: Pick<FactStore, 'of'>;
  readonly node: NodeFacts;
}

/** A change with the fact before it. */
export interface Change {
  readonly change: FactChange;
  readonly before: Fact;
}

export interface Moment {
  /** Milliseconds since the epoch, by the clock of the node. */
  readonly at: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: number;
}

/** In force from this moment on. */
export interface Commit extends Moment {
  readonly changes: readonly Change[];
  readonly node: NodeFacts;
}

export interface EventItem extends Moment {
  readonly event: NotedEvent;
}

export type Item = Commit | EventItem;

/** The state in force at a moment, read in steps while changes go on. */
export interface State extends Moment {
  readonly node: NodeFacts;
  fact(kind: FactKind, key: string): Fact;
  facts(): Generator<readonly [FactKind, key: string, fact: NonNullable<Fact>]>;
}

/** More changes than this are not kept one by one: the next segment begins with the state after them. */
const MOST_WAITING = limits['history-changes'].most;

const NO_CHANGES: readonly Change[] = Object.freeze([]);

/**
 * Collects what changes, in the loop of NAT: a pointer for each change, and nothing is written. What was delivered is in
 * force when the attempt that began after it succeeded.
 */
export class Recorder {
  readonly #subject: Subject;
  readonly #clock: () => Moment;
  /** Not planned yet. */
  #delivered: Change[] = [];
  /** Of the attempts since the last success. */
  #planned: Change[] = [];
  #plannedNode: NodeFacts;
  #nodeInForce: NodeFacts;
  #waiting: Item[] = [];
  #waitingChanges = 0;
  /** False: changes are not followed until an attempt begins. */
  #isFollowing = false;
  /** A state was in force while changes were followed. */
  #isKnown = false;
  /** How often changes were forgotten: what was taken before and after does not follow on one another. */
  breaks = 0;
  /** While a state is read: facts that changed since, as they were in it. */
  #former: Map<string, readonly [FactKind, string, Fact]> | null = null;

  constructor(subject: Subject, clock: () => Moment) {
    this.#subject = subject;
    this.#clock = clock;
    this.#plannedNode = subject.node;
    this.#nodeInForce = subject.node;
  }

  /** Call it before the facts change. */
  delivered(changes: readonly FactChange[]): void {
    if (!this.#isFollowing) return;
    for (const change of changes) {
      const { kind, key } = change;
      const before = this.#subject.facts.of(kind).get(key) ?? null;
      this.#delivered.push({ change, before });
      if (this.#former === null) continue;
      const id = idOf(kind, key);
      if (!this.#former.has(id)) this.#former.set(id, [kind, key, before]);
    }
    if (this.#waitingChanges + this.#planned.length + this.#delivered.length > MOST_WAITING) {
      limitReached('history-changes');
      this.forget();
    }
  }

  /** An attempt begins with everything delivered so far. */
  converging(): void {
    if (!this.#isFollowing) {
      this.#isFollowing = true;
      this.#delivered = [];
    }
    this.#plannedNode = this.#subject.node;
    if (this.#delivered.length === 0) return;
    this.#planned = this.#planned.length === 0 ? this.#delivered : [...this.#planned, ...this.#delivered];
    this.#delivered = [];
  }

  /** The kernel matches what was planned. Returns whether there is something to write. */
  converged(): boolean {
    if (!this.#isFollowing) return false; // it was forgotten while the attempt went on
    const isNews = !this.#isKnown || this.#planned.length > 0 || this.#plannedNode !== this.#nodeInForce;
    this.#isKnown = true;
    if (!isNews) return false;
    const changes = this.#planned.length === 0 ? NO_CHANGES : this.#planned;
    this.#planned = [];
    this.#nodeInForce = this.#plannedNode;
    this.#waiting.push({ ...this.#clock(), changes, node: this.#nodeInForce });
    this.#waitingChanges += changes.length;
    return true;
  }

  happened(event: NotedEvent): void {
    if (!this.#isKnown) return;
    if (this.#waiting.length > MOST_WAITING) limitReached('history-changes');
    else this.#waiting.push({ ...this.#clock(), event });
  }

  /** The changes that wait are not recorded one by one; `isKnown` is false until the next success. */
  forget(): void {
    this.breaks++;
    this.#delivered = [];
    this.#planned = [];
    this.#waiting = [];
    this.#waitingChanges = 0;
    this.#isFollowing = false;
    this.#isKnown = false;
    this.#former = null;
  }

  /** A state can be taken. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** What happened since the last call, in order. */
  take(): readonly Item[] {
    const items = this.#waiting;
    if (items.length > 0) this.#waiting = [];
    this.#waitingChanges = 0;
    return items;
  }

  /**
   * The state in force at a moment. One state is read at a time.
   * @param later what was taken and came into force after it
   */
  state(moment: Moment, node: NodeFacts, later: readonly Item[]): State {
    const former = new Map<string, readonly [FactKind, string, Fact]>();
    const since = [...later, ...this.#waiting]; // waiting: it came into force while what was taken was written
    const commits = since.flatMap((item) => ('changes' in item ? item.changes : NO_CHANGES));
    for (const { change, before } of [...commits, ...this.#planned, ...this.#delivered]) {
      const id = idOf(change.kind, change.key);
      if (!former.has(id)) former.set(id, [change.kind, change.key, before]);
    }
    this.#former = former;
    const { facts } = this.#subject;
    return {
      at: moment.at,
      steady: moment.steady,
      node,
      fact: (kind, key) => {
        const before = former.size === 0 ? undefined : former.get(idOf(kind, key));
        return before === undefined ? (facts.of(kind).get(key) ?? null) : before[2];
      },
      facts: function* () {
        for (const kind of FACT_KINDS) {
          for (const [key, fact] of facts.of(kind))
            if (former.size === 0 || !former.has(idOf(kind, key))) yield [kind, key, fact];
        }
        for (const [kind, key, fact] of former.values()) if (fact !== null) yield [kind, key, fact];
      },
    };
  }

  /** The state was read. */
  stateRead(): void {
    this.#former = null;
  }
}

/** Of an object, as a key of maps. */
export function idOf(kind: FactKind, key: string): string {
  return `${kind} ${key}`;
}
