import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Finding, findingOf } from '../../model/finding.ts';
import { formatEndpoint } from '../../net/address.ts';
import { isProxyHealthy, serviceHealthAnswer } from '../../observe/health.ts';
import { type ListenAt, Listeners } from '../../observe/listeners.ts';
import type { ServiceHealthCheck } from '../../plan/entry.ts';
import { EntryIndex } from '../../plan/entry-index.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';

/** Milliseconds during which refusals are collected: a running kube-proxy causes one for each port. */
const BURST = 100;

/** Milliseconds before a port in use is tried again: kube-proxy may free it soon. */
const RETRY = 5_000;

const PORT_CODE = 'KNAT_HEALTH_CHECK_PORT';

/** Answers load balancers on the health-check node ports of Services with external traffic policy Local. */
export const serviceHealthChecks: CompanionFactory = (agent) => new ServiceHealthChecks(agent);

class ServiceHealthChecks implements Companion {
  readonly name = 'health checks of Services';
  readonly #agent: AgentFacts;
  /** The checks that the datapath reported as done, by the entries' keys. */
  readonly #checks = new EntryIndex('ServiceHealthCheck');
  /** One HTTP server for all sockets: each server has its own timers, and there may be thousands of sockets. */
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
  #checkAt = new Map<string, string>();

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

  converged({ plan, changed }: PlanInForce): void {
    const isNews = this.#checks.follow(plan, changed);
    if (!isNews || this.#signal === null || this.#signal.aborted) return; // nothing would close sockets that are opened now
    const places = [...this.#checks.entries.values()].flatMap(placesOf);
    this.#checkAt = new Map(places.map(({ at, check }) => [at.key, check]));
    this.#listeners.want(places.map(({ at }) => at));
    this.#tellSoon();
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Connection', 'close');
    const place = this.#places.get(request.socket);
    const check = this.#checks.entries.get(this.#checkAt.get(place?.key ?? '') ?? '');
    if (check === undefined) {
      response.writeHead(503).end(); // the Service was deleted during the request
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
    const problems = this.#listeners.refusals().flatMap(({ at, error }): Finding[] => {
      const check = this.#checks.entries.get(this.#checkAt.get(at.key) ?? '');
      if (check === undefined) return [];
      const message = `node ${this.#agent.settings.nodeName} cannot answer health checks on ${at.key}: ${why(error)}; it is tried again`;
      return [findingOf(PORT_CODE, check.owner, message, { field: 'spec.healthCheckNodePort' })];
    });
    this.#agent.findings.give(PORT_CODE, problems);
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
