import type { Finding } from '../../model/finding.ts';
import { firstFew } from '../../model/text.ts';
import type { SourceSink } from '../source.ts';
import { SourceError } from '../source-error.ts';
import type { Recovery } from './recovery.ts';
import { type Resource, resourceName } from './resources.ts';
import type { Timings } from './timings.ts';

/** A problem of one whole resource. Times are milliseconds of a monotonic clock. */
export interface Trouble {
  readonly recovery: Recovery;
  /** Start of the failures of any kind. */
  readonly failingSince: number;
  /** Start of this kind of failure. */
  readonly since: number;
  /** The resource was complete before. */
  readonly isSynced: boolean;
  /** The source now counts as complete without the resource, so this must be reported. */
  readonly isGivenUp?: boolean;
}

/** `told`: the finding reported to the sink; null: none yet. */
interface Outage {
  readonly since: number;
  told: Finding | null;
}

type Open = Trouble & { readonly resource: Resource };

/** Limit of the resources named in one message. */
const NAMED = 12;

/**
 * Reports problems of whole resources to the sink when they change.
 * - An unavailable, busy or starting server is one problem of all resources, reported once, and once more when it is
 *   over, with its duration. An API group that another program serves can be unavailable separately.
 * - A starting server refuses all requests for some seconds, until it has loaded its roles. So refusals (401, 403)
 *   count as an unavailable server for `refusedAfter`; after that they are one problem that names the remedy.
 */
export class Troubles {
  readonly #sink: SourceSink;
  readonly #server: string;
  readonly #timings: Pick<Timings, 'reportAfter' | 'refusedAfter' | 'optionalPatience'>;
  readonly #now: () => number;
  /** Several lists may read the same kind. */
  readonly #open = new Map<Resource, Open>();
  readonly #told = new Map<string, string>();
  /** Reported findings about API groups that are unavailable separately. */
  readonly #groups = new Map<string, Finding>();
  /** When the last outage of the whole server ended. */
  #wellSince = Number.NEGATIVE_INFINITY;
  /** The current outage of the whole server. */
  #outage: Outage | null = null;

  /** @param server URL of the API server, for messages */
  constructor(
    sink: SourceSink,
    server: string,
    timings: Pick<Timings, 'reportAfter' | 'refusedAfter' | 'optionalPatience'>,
    now: () => number,
  ) {
    this.#sink = sink;
    this.#server = server;
    this.#timings = timings;
    this.#now = now;
  }

  report(resource: Resource, trouble: Trouble | null): void {
    if (trouble === null && !this.#open.has(resource)) return;
    this.#open.delete(resource);
    // Later insertion order means a more recent answer, which shows the present state of the server.
    if (trouble !== null) this.#open.set(resource, { ...trouble, resource });
    this.#tell();
  }

  /** All problems as one error; null without any. */
  asError(): SourceError | null {
    const [first] = this.#open.values();
    if (first === undefined) return null;
    const messages = new Set(
      [...this.#open.values()].map(({ recovery }) =>
        recovery.kind === 'server' ? recovery.reason : recovery.message,
      ),
    );
    return new SourceError(first.recovery.code, `${this.#server}: ${[...messages].join('; ')}`);
  }

  #tell(): void {
    const told = new Map<string, Finding>();
    const now = this.#now();
    const ofServer: Open[] = [];
    for (const kind of ['credentials', 'rights'] as const) {
      const refused = this.#of((each) => each.recovery.kind === kind && !each.recovery.isSpared);
      if (refused.some(({ since }) => now - since >= this.#timings.refusedAfter)) {
        const all = this.#of((each) => each.recovery.kind === kind);
        told.set(kind, this.#problem(refused[0] as Open, refusedText(all)));
      } else ofServer.push(...refused);
    }
    for (const each of this.#of(
      ({ recovery }) => recovery.kind === 'missing' || recovery.isSpared === true,
    )) {
      const { recovery, isSynced, since } = each;
      if (told.has(recovery.kind)) continue; // named there
      // A starting server refuses spared resources like all others.
      if (
        recovery.isSpared &&
        now - since < this.#timings.refusedAfter &&
        (isSynced || ofServer.length > 0)
      ) {
        ofServer.push(each);
        continue;
      }
      if (isSynced && now - since < this.#timings.reportAfter) continue;
      told.set(resourceName(each.resource), this.#problem(each, recovery.message));
    }
    const away = this.#of(({ recovery }) => recovery.kind === 'server');
    // A separate group may be unavailable while the server is not.
    if ([...ofServer, ...away].some(({ resource }) => !resource.optional)) ofServer.push(...away);
    else this.#tellGroups(away, told, this.#outage !== null && ofServer.length === 0 ? null : now);
    this.#tellServer(ofServer, told, now);
    this.#publish(told);
    if (ofServer.length === 0 && this.#outage !== null) this.#outageIsOver(this.#outage, now);
  }

  /** @param now null: an outage of the whole server has just ended */
  #tellGroups(away: readonly Open[], told: Map<string, Finding>, now: number | null): void {
    for (const each of away) {
      const { optionalPatience, refusedAfter } = this.#timings;
      // After an outage of the whole server each group is asked again within that time.
      const isDue =
        now !== null && now - each.failingSince >= optionalPatience && now - this.#wellSince >= refusedAfter;
      if (!isDue && !each.isGivenUp && !this.#groups.has(each.resource.group)) continue;
      const { group } = each.resource;
      const others = away.filter(({ resource }) => resource.group === group);
      const names = firstFew(
        others.map(({ resource }) => resourceName(resource)),
        NAMED,
      );
      // The first report about the group stays, even if the server's next answer is different.
      const before = this.#groups.get(group);
      const problem = before ?? this.#problem(each, `${names}: ${each.recovery.reason}`);
      this.#groups.set(group, problem);
      told.set(group, problem);
    }
    for (const group of this.#groups.keys()) if (!told.has(group)) this.#groups.delete(group);
  }

  #tellServer(away: readonly Open[], told: Map<string, Finding>, now: number): void {
    const [first] = away;
    if (first === undefined) return;
    this.#outage ??= { since: Math.min(...away.map(({ failingSince }) => failingSince)), told: null };
    const isRipe =
      now - this.#outage.since >= this.#timings.reportAfter || away.some(({ isSynced }) => !isSynced);
    if (isRipe)
      this.#outage.told ??= this.#outageProblem(this.#of((each) => away.includes(each)).at(-1) ?? first);
    if (this.#outage.told !== null) told.set('server', this.#outage.told);
  }

  #outageIsOver({ since, told }: Outage, now: number): void {
    this.#outage = null;
    this.#wellSince = now;
    const seconds = Math.max(1, Math.round((now - since) / 1000));
    if (told !== null)
      this.#sink.restored?.(`the API server ${this.#server} answers again after ${seconds} s`);
  }

  #outageProblem(trouble: Open): Finding {
    const { recovery } = trouble;
    if (recovery.kind === 'server') return this.#problem(trouble, recovery.reason);
    const problem = this.#problem(trouble, `the API server is not ready yet: ${recovery.reason}`);
    return { ...problem, code: 'KNAT_API_UNAVAILABLE', severity: 'warning' };
  }

  /** Reports new problems before it withdraws old ones, so that there is no moment without any. */
  #publish(told: ReadonlyMap<string, Finding>): void {
    for (const [origin, problem] of told) {
      const text = `${problem.code} ${problem.message}`;
      if (this.#told.get(origin) === text) continue;
      this.#told.set(origin, text);
      this.#sink.report(`kubernetes: ${origin}`, [problem]);
    }
    for (const origin of [...this.#told.keys()]) {
      if (told.has(origin)) continue;
      this.#told.delete(origin);
      this.#sink.report(`kubernetes: ${origin}`, []);
    }
  }

  #of(which: (trouble: Open) => boolean): Open[] {
    return [...this.#open.values()].filter(which);
  }

  #problem({ recovery: { code, isSpared } }: Open, message: string): Finding {
    const origin = `kubernetes: ${this.#server}`;
    const severity = isSpared ? 'warning' : 'error';
    return { code, severity, origin, object: null, field: '', message };
  }
}

/** For several resources: their names, and the text that is the same for all. */
function refusedText(refused: readonly Open[]): string {
  const [first, ...more] = refused;
  if (first === undefined || more.length === 0) return first?.recovery.message ?? '';
  const names = firstFew([...new Set(refused.map(({ resource }) => resourceName(resource)))].sort(), NAMED);
  return first.recovery.kind === 'credentials'
    ? `${names}: ${first.recovery.reason}`
    : `${names}: a ClusterRole must allow get, list and watch on them (${first.recovery.reason})`;
}
