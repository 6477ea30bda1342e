import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '../../model/problem.ts';
import { formatEndpoint } from '../../net/address.ts';
import { isProxyHealthy } from '../../observe/health.ts';
import { type ListenAt, Listeners } from '../../observe/listeners.ts';
import { serviceHealthAnswer } from '../../observe/service-health.ts';
import type { ServiceHealthCheck } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { AgentFacts, Companion, CompanionFactory } from '../companion.ts';

/** Refusals come in bursts, one for each port of a kube-proxy that still runs: told together, after this many milliseconds. */
const BURST = 100;

/** A port that cannot be had is tried again after this many milliseconds: a kube-proxy that holds it may be about to go. */
const RETRY = 5_000;

/** Answers load balancers on the health-check node ports of Services with external traffic policy Local. */
export const serviceHealthChecks: CompanionFactory = (agent) => new ServiceHealthChecks(agent);

class ServiceHealthChecks implements Companion {
  readonly name = 'health checks of Services';
  readonly #agent: AgentFacts;
  /** What the datapath reported as done, by the entries' keys. */
  readonly #checks = new Map<string, ServiceHealthCheck>();
  /** One HTTP server speaks on all sockets: it has timers of its own, and there may be thousands. */
  readonly #http = createServer((request, response) => this.#respond(request, response));
  readonly #places = new WeakMap<Socket, ListenAt>();
  readonly #listeners = new Listeners(
    (socket, at) => {
      this.#places.set(socket, at);
      this.#http.emit('connection', socket);
    },
    () => this.#tellSoon(),
  );
  #isTelling = false;
  #signal: AbortSignal | null = null;
  /** The check that a place to listen on belongs to. */
  #checkAt = new Map<string, string>();
  #revision: number | null = null;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    this.#signal = signal;
    this.#listeners.connections.followRequests(this.#http);
    while (!signal.aborted) {
      await surroundings.sleep(RETRY, signal);
      if (!signal.aborted) this.#listeners.retry();
    }
    this.#listeners.close();
  }

  converged({ plan }: { readonly plan: NatPlan }): void {
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = plan.revision;
    if (this.#signal === null || this.#signal.aborted) return; // nobody would close what is opened now
    if (!this.#takeOver(plan, changed)) return;
    const places = [...this.#checks.values()].flatMap(placesOf);
    this.#checkAt = new Map(places.map(({ at, check }) => [at.key, check]));
    this.#listeners.want(places.map(({ at }) => at));
    this.#tellSoon();
  }

  /** @returns true when a check came, went or changed */
  #takeOver(plan: NatPlan, changed: ReadonlySet<string> | null): boolean {
    let isNews = false;
    if (changed === null) {
      isNews = this.#checks.size > 0;
      this.#checks.clear();
      for (const entry of plan.entries()) isNews = this.#note(entry.key, plan) || isNews;
      return isNews;
    }
    for (const key of changed) isNews = this.#note(key, plan) || isNews;
    return isNews;
  }

  #note(key: string, plan: NatPlan): boolean {
    const entry = plan.entry(key);
    if (entry?.kind !== 'ServiceHealthCheck') return this.#checks.delete(key);
    this.#checks.set(key, entry);
    return true;
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Connection', 'close');
    const place = this.#places.get(request.socket);
    const check = this.#checks.get(this.#checkAt.get(place?.key ?? '') ?? '');
    if (check === undefined) {
      response.writeHead(503).end(); // the Service went while the request came
      return;
    }
    const healthy = isProxyHealthy(this.#agent.health());
    const { status, headers, body } = serviceHealthAnswer(check.owner, check.localEndpoints, healthy);
    response.writeHead(status, { ...headers, 'Content-Type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  }

  #tellSoon(): void {
    if (this.#isTelling || this.#signal === null) return;
    this.#isTelling = true;
    void this.#agent.surroundings.sleep(BURST, this.#signal).then(() => {
      this.#isTelling = false;
      this.#tellRefusals();
    });
  }

  #tellRefusals(): void {
    const problems = this.#listeners.refusals().flatMap(({ at, error }): Problem[] => {
      const check = this.#checks.get(this.#checkAt.get(at.key) ?? '');
      if (check === undefined) return [];
      return [
        {
          code: 'KNAT_HEALTH_CHECK_PORT',
          severity: 'warning',
          origin: '',
          object: check.owner,
          field: 'spec.healthCheckNodePort',
          message: `node ${this.#agent.settings.nodeName} cannot answer health checks on ${at.key}: ${why(error)}; it is tried again`,
        },
      ];
    });
    this.#agent.objectProblems('KNAT_HEALTH_CHECK_PORT', problems);
  }
}

function placesOf({ key, addresses, port }: ServiceHealthCheck): { at: ListenAt; check: string }[] {
  return addresses.map((host) => ({ at: { key: formatEndpoint(host, port), host, port }, check: key }));
}

function why(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program listens there, perhaps kube-proxy';
    case 'EADDRNOTAVAIL':
      return 'this network namespace does not have the address';
    case 'EACCES':
      return 'the process may not listen on ports below 1024';
    default:
      return error.message;
  }
}
