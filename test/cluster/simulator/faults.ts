import { setTimeout as sleep } from 'node:timers/promises';
import type { Asked, Lie } from './lies.ts';
import { type ApiRefusal, refusals } from './status.ts';

/** Which requests a fault is for; absent: all. */
export interface Where {
  /** `services` */
  readonly plural?: string;
  readonly isWatch?: boolean;
  /** `projectcalico.org`: its discovery and its objects, as if the program that serves it were away. */
  readonly group?: string;
}

interface Refusing {
  readonly where: Where;
  readonly refusal: () => ApiRefusal;
  times: number;
}

/** What becomes of a line of a watch: the lines that are sent in its place. */
export type LineFault = (line: string) => readonly string[];

/** Faults on demand for all users but administrators, which are the test itself. `Simulator` has the faults of connections. */
export class FaultPlan {
  /** The server does not know `sendInitialEvents`. */
  noStreamingLists = false;
  /** Answers are cut into pieces of a few bytes, with pauses in between. */
  tinyChunks = false;
  /** Watches of these resources stay open and say nothing. */
  readonly stalled = new Set<string>();
  /** Milliseconds by which the events of a resource are late. */
  readonly late = new Map<string, number>();
  /** Milliseconds before any request is answered. */
  slowness = 0;
  /** No list can be continued: 410 in the middle of paging. */
  listsExpire = false;
  /** The next event of a watch of this resource is cut in its middle, and the connection with it. */
  readonly cutNextEvent = new Set<string>();
  /** By resource: what becomes of each line of its watches. */
  readonly lines = new Map<string, LineFault>();
  #refusing: Refusing[] = [];
  #lying: { readonly where: Where; readonly lie: Lie; times: number }[] = [];

  /** Refuses the next requests with what `refusals` makes. */
  refuse(times: number, refusal: (kinds: typeof refusals) => ApiRefusal, where: Where = {}): void {
    this.#refusing.push({ where, refusal: () => refusal(refusals), times });
  }

  /** Answers the next requests with a lie. */
  lie(times: number, lie: Lie, where: Where = {}): void {
    this.#lying.push({ where, lie, times });
  }

  /** Throws the refusal, if the request is to be refused. */
  async check(plural: string, isWatch: boolean, group: string): Promise<void> {
    if (this.slowness > 0) await sleep(this.slowness);
    const found = this.#refusing.find((each) => isFor(each, plural, isWatch, group));
    if (found === undefined) return;
    found.times--;
    throw found.refusal();
  }

  /** True if the request was answered with a lie. */
  async hasLied(plural: string, group: string, asked: Asked): Promise<boolean> {
    const found = this.#lying.find((each) => isFor(each, plural, asked.isWatch, group));
    if (found === undefined) return false;
    found.times--;
    await found.lie(asked);
    return true;
  }

  /** Everything works again. */
  clear(): void {
    this.noStreamingLists = false;
    this.tinyChunks = false;
    this.slowness = 0;
    this.listsExpire = false;
    this.stalled.clear();
    this.late.clear();
    this.cutNextEvent.clear();
    this.lines.clear();
    this.#refusing = [];
    this.#lying = [];
  }
}

function isFor(
  { where, times }: { readonly where: Where; readonly times: number },
  plural: string,
  isWatch: boolean,
  group: string,
): boolean {
  return (
    times > 0 &&
    (where.group === undefined || where.group === group) &&
    (where.plural === undefined || where.plural === plural) &&
    (where.isWatch === undefined || where.isWatch === isWatch)
  );
}
