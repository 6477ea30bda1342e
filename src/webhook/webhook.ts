import type { PlanSettings } from '../agent/settings.ts';
import { AccessError } from '../kube-api/access.ts';
import { ApiClient } from '../kube-api/client.ts';
import { openAccess } from '../kube-api/open-access.ts';
import { processSurroundings } from '../kube-api/surroundings.ts';
import { type Finding, formatFinding } from '../model/finding.ts';
import { keepListening, type ListenAddress, type ListeningListener } from '../observe/listening.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics/metrics.ts';
import type { PodNatOptions } from '../sources/objects/metadata.ts';
import { SharedValues } from '../sources/objects/shared.ts';
import { SourceError } from '../sources/source-error.ts';
import { endOf, type Held } from './authority.ts';
import { ClusterState } from './cluster-state.ts';
import type { WebhookCode } from './codes.ts';
import { effectOf } from './effect.ts';
import { type Judge, NOTHING_PROTECTED } from './expectations.ts';
import { CertificateKeeper, type KeptNames } from './keeper.ts';
import { ProtectedFile, type ReadExpectations } from './protected-file.ts';
import { Reviewer } from './reviewer.ts';
import { REVIEW_BOUNDS, ReviewServer } from './server.ts';
import { statusServer } from './status-server.ts';
import { effectWarnings } from './words.ts';

export interface WebhookRun {
  readonly settings: Omit<PlanSettings, 'nodeName'>;
  readonly podNat: PodNatOptions;
  readonly listen: ListenAddress;
  /** Null: nowhere. */
  readonly status: ListenAddress | null;
  readonly names: KeptNames;
  /** Path of the protected expectations; null: none. */
  readonly expectations: string | null;
  readonly readExpectations: ReadExpectations;
  readonly judge: Judge;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** Milliseconds for one review; absent: 200. */
  readonly budget?: number;
  readonly logger: Logger;
  readonly version: string;
}

/** Milliseconds between two looks at the certificates, after a success and after a failure. */
const LOOK_EVERY = 30_000;
const LOOK_AGAIN = 3_000;
/** Milliseconds between two looks at the file of expectations. */
const READ_EVERY = 5_000;

/** Questions after the start, and the milliseconds for all of them. */
const WARM_UPS = 30;
const WARM_UP_TIME = 1_000;

const { sleep } = processSurroundings;

/** Answers reviews until the signal aborts. Throws if the source can never work, or no cluster is configured. */
export async function runWebhook(run: WebhookRun, signal: AbortSignal): Promise<void> {
  await new Webhook(run).run(signal);
}

class Webhook {
  readonly #run: WebhookRun;
  readonly #metrics = new Metrics({ kubeProxyNames: false, isWebhook: true });
  readonly #state: ClusterState;
  readonly #guarded: ProtectedFile;
  readonly #troubles = new Map<WebhookCode, string>();
  #held: Held | null = null;
  #isSettling = false;
  #isServing = false;
  #isWarm = false;

  constructor(run: WebhookRun) {
    this.#run = run;
    this.#state = new ClusterState(run.settings, {
      changed: () => this.#settle(),
      reported: (problems) => this.#logProblems(problems),
    });
    this.#guarded = new ProtectedFile(run.expectations, run.readExpectations);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { settings, version, logger } = this.#run;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    logger.info({ version, source: settings.source.name }, 'starting');
    this.#collect();
    const access = await openAccess(settings.cluster ?? { environment: {} }).catch((error: unknown) => {
      if (!(error instanceof AccessError)) throw error;
      throw new SourceError('KNAT_KUBECONFIG', error.message, { cause: error });
    });
    const client = new ApiClient(access, processSurroundings, `knat-webhook/${version}`);
    try {
      await this.#readExpectations();
      await Promise.all([
        settings.source.run(this.#state, either),
        this.#keepExpectations(either),
        this.#serveReviews(client, either),
        this.#serveStatus(either),
      ]);
    } finally {
      stop.abort();
    }
  }

  /** Keeps the certificates, and serves from the first one on. */
  async #serveReviews(client: ApiClient, signal: AbortSignal): Promise<void> {
    const { names, wallClock } = this.#run;
    let server: ReviewServer | null = null;
    let serving: Promise<void> | null = null;
    const adopt = (certificate: Held['serving'], held: Held) => {
      this.#held = held;
      this.#run.logger.info({ end: new Date(endOf(held)).toISOString() }, 'serving a new certificate');
      if (server !== null) return server.serve(certificate);
      server = this.#reviewServer(certificate);
      serving = this.#listen(server, signal);
    };
    const renewed = (what: 'authority' | 'certificate') => {
      this.#metrics.increment('knat_webhook_certificate_renewals_total', { what });
      this.#run.logger.info(`made a new ${what}`);
    };
    const trouble = (message: string | null) => this.#trouble('KNAT_WEBHOOK_CERTIFICATES', message);
    const keeper = new CertificateKeeper(client, names, { adopt, renewed, trouble }, wallClock);
    while (!signal.aborted) {
      const isFine = await keeper.look(signal);
      await sleep(isFine ? LOOK_EVERY : LOOK_AGAIN, signal);
    }
    await serving;
  }

  async #listen(server: ReviewServer, signal: AbortSignal): Promise<void> {
    const served = { what: 'reviews', option: '--listen', rival: '', bounds: REVIEW_BOUNDS };
    const listening = () => {
      this.#isServing = true;
    };
    const listener = this.#listener(served.what, listening);
    await keepListening(this.#run.listen, served, () => server.make(), listener, sleep, signal);
  }

  #reviewServer(certificate: Held['serving']): ReviewServer {
    const { podNat, judge, logger, budget } = this.#run;
    const reviewer = new Reviewer({
      state: this.#state,
      guarded: () => this.#guarded.current,
      judge,
      context: () => ({ shared: new SharedValues(), podNat, debug: () => {} }),
      now: () => performance.now(),
      ...(budget === undefined ? {} : { budget }),
      ended: ({ outcome, milliseconds, isIncomplete }) => {
        this.#metrics.increment('knat_webhook_reviews_total', { outcome });
        this.#metrics.observe('knat_webhook_review_duration_seconds', {}, milliseconds / 1000);
        if (isIncomplete) this.#metrics.increment('knat_webhook_incomplete_total', {});
      },
      failed: (error) => logger.error({ err: error, code: FAILED }, 'a review failed'),
    });
    return new ReviewServer(certificate, {
      review: (request) => {
        const answer = reviewer.review(request);
        const { operation, kind, namespace, name } = request;
        if (answer.denial !== null) {
          logger.info({ operation, kind, namespace, name, denial: answer.denial }, 'denied');
        }
        return answer;
      },
      refused: (reason) => this.#metrics.increment('knat_webhook_refused_total', { reason }),
    });
  }

  async #serveStatus(signal: AbortSignal): Promise<void> {
    const { status } = this.#run;
    if (status === null) return;
    const make = () => statusServer({ unready: () => this.#unready(), metrics: () => this.#metrics.text() });
    const served = { what: 'status', option: '--status-address', rival: '' };
    await keepListening(status, served, make, this.#listener('status'), sleep, signal);
  }

  #unready(): string | null {
    if (this.#held === null) return 'there is no certificate yet';
    if (!this.#isServing) return 'nothing listens yet';
    return this.#state.isSynced ? null : 'the cluster is being read';
  }

  #listener(what: string, listening: () => void = () => {}): ListeningListener {
    return {
      listening: (where) => {
        listening();
        this.#trouble('KNAT_WEBHOOK_ADDRESS', null);
        this.#run.logger.info({ ...where }, `serving ${what}`);
      },
      refused: (message) => this.#trouble('KNAT_WEBHOOK_ADDRESS', message),
    };
  }

  async #keepExpectations(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(READ_EVERY, signal);
      if (!signal.aborted) await this.#readExpectations();
    }
  }

  async #readExpectations(): Promise<void> {
    this.#trouble('KNAT_WEBHOOK_EXPECTATIONS', await this.#guarded.refresh());
  }

  /** Brings plans up to date between reviews, so that a review need not. */
  #settle(): void {
    if (this.#isSettling || !this.#state.isSynced) return;
    this.#isSettling = true;
    const next = () => {
      this.#isSettling = this.#state.settleOne();
      if (this.#isSettling) setImmediate(next);
      else this.#warmUp();
    };
    setImmediate(next);
  }

  /** Asks some questions that nobody asked: the first review would take several times as long as the next ones. */
  #warmUp(): void {
    if (this.#isWarm) return;
    this.#isWarm = true;
    const keys = [...this.#state.facts.of('Service').keys()].slice(0, WARM_UPS);
    const start = performance.now();
    const isOver = () => performance.now() - start > WARM_UP_TIME;
    const next = () => {
      const key = keys.pop();
      if (key === undefined || isOver()) return;
      const change = { changes: [{ kind: 'Service', key, fact: null } as const], former: [], problems: [] };
      effectWarnings(
        effectOf(change, {
          ...{ state: this.#state, guarded: NOTHING_PROTECTED, isOver },
          judge: this.#run.judge,
        }),
      );
      setImmediate(next);
    };
    next();
  }

  #logProblems(problems: readonly Finding[]): void {
    for (const problem of problems) this.#run.logger.debug(formatFinding(problem));
  }

  #trouble(code: WebhookCode, message: string | null): void {
    if (message === (this.#troubles.get(code) ?? null)) return;
    if (message === null) this.#troubles.delete(code);
    else this.#troubles.set(code, message);
    if (message === null) this.#run.logger.info({ code }, 'solved');
    else this.#run.logger.warn({ code }, message);
  }

  #collect(): void {
    const metrics = this.#metrics;
    metrics.collect('knat_webhook_nodes', (set) => set({}, this.#state.plannedNodes));
    metrics.collect('knat_webhook_synced', (set) => set({}, this.#state.isSynced ? 1 : 0));
    metrics.collect('knat_webhook_protected_expectations', (set) =>
      set({}, this.#guarded.current.expectations.length),
    );
    metrics.collect('knat_webhook_certificate_end_timestamp_seconds', (set) =>
      set({}, this.#held === null ? 0 : endOf(this.#held) / 1000),
    );
    metrics.collect('knat_webhook_troubles', (set) => {
      for (const code of this.#troubles.keys()) set({ code }, 1);
    });
  }
}

const FAILED: WebhookCode = 'KNAT_WEBHOOK_FAILED';
