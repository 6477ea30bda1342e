/** Milliseconds: waits of a second or more end on whole seconds, those of two seconds or more on even ones. */
const BEAT = 1_000;
const SLOW_BEATS = 2;
/** Milliseconds that a wait may be shorter: work that follows a beat, and waits again, ends a little after the beat. */
const EARLY = 100;

/** Milliseconds: the longest that a timer of Node.js can wait; a longer one would end at once. */
const LONGEST = 2 ** 31 - 1;

/** Gets the milliseconds by which it is late. */
type Task = (late: number) => void;

/** The process's clock and timer; tests have their own. */
export interface BeatTimer {
  now(): number;
  /** Returns a function that stops it. */
  after(milliseconds: number, task: () => void): () => void;
}

/**
 * Lets long waits end together, on seconds of the process's clock: a process at rest wakes up once for all that is due,
 * instead of once for each. There is one timer, for the next beat at which something is due; without waits there is none.
 */
export class Beats {
  readonly #timer: BeatTimer;
  readonly #due = new Map<number, Set<Task>>();
  #armed: { readonly beat: number; readonly stop: () => void } | null = null;

  constructor(timer: BeatTimer) {
    this.#timer = timer;
  }

  /**
   * Calls the task once, at the first beat after this time; a beat that comes up to EARLY before it will do. The time is
   * a second or more. Returns a function that forgets it.
   */
  after(milliseconds: number, task: Task): () => void {
    const step = milliseconds < SLOW_BEATS * BEAT ? 1 : SLOW_BEATS;
    const beat = Math.ceil((this.#timer.now() + milliseconds - EARLY) / (step * BEAT)) * step;
    const tasks = this.#due.get(beat) ?? new Set<Task>();
    tasks.add(task);
    this.#due.set(beat, tasks);
    this.#arm();
    return () => {
      tasks.delete(task);
      if (tasks.size > 0 || this.#due.get(beat) !== tasks) return;
      this.#due.delete(beat);
      this.#arm();
    };
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const beat of this.#due.keys()) next = Math.min(next, beat);
    if (next === this.#armed?.beat) return;
    this.#armed?.stop();
    this.#armed = null;
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(next * BEAT - this.#timer.now(), 0), LONGEST);
    const stop = this.#timer.after(wait, () => this.#strike());
    this.#armed = { beat: next, stop };
  }

  #strike(): void {
    this.#armed = null;
    const now = this.#timer.now();
    const due = [...this.#due].filter(([beat]) => beat * BEAT <= now + EARLY).sort(([a], [b]) => a - b);
    for (const [beat] of due) this.#due.delete(beat);
    this.#arm();
    for (const [beat, tasks] of due) {
      const late = Math.max(now - beat * BEAT, 0);
      // Each by itself: what one throws keeps no other from its turn. One may forget another.
      for (const task of tasks) queueMicrotask(() => tasks.delete(task) && task(late));
    }
  }
}

const beats = new Beats({
  now: () => performance.now(),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, Math.ceil(milliseconds));
    return () => clearTimeout(timer);
  },
});

/** Calls the task once after this time; a wait of a second or more ends on a beat. Returns a function that forgets it. */
export function after(milliseconds: number, task: Task): () => void {
  if (milliseconds >= BEAT) return beats.after(milliseconds, task);
  const due = performance.now() + milliseconds;
  const timer = setTimeout(() => task(Math.max(performance.now() - due, 0)), milliseconds);
  return () => clearTimeout(timer);
}

/** Calls the task again and again, on beats. Returns a function that stops it. */
export function every(milliseconds: number, task: () => void): () => void {
  let forget = () => {};
  const again = () => {
    forget = after(milliseconds, () => {
      again();
      task();
    });
  };
  again();
  return () => forget();
}
