import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificates } from '../certificates.ts';
import { Api } from './api.ts';
import type { Executor } from './exec.ts';
import { FaultPlan } from './faults.ts';
import { GarbageCollector } from './garbage-collector.ts';
import type { ResourceType } from './resource-types.ts';
import { type Snapshot, Store } from './store.ts';
import { Users } from './users.ts';

/**
 * An API server in this process: HTTPS on loopback, objects in memory. Its answers have the forms of the real
 * one (api-exchanges/); the test chooses the faults.
 */
export class Simulator {
  readonly store = new Store();
  readonly faults = new FaultPlan();
  readonly users = new Users(this.store);
  /** Requests in the order of their arrival: `GET /api/v1/services?watch=true`. */
  readonly requests: string[] = [];
  /** Runs what `exec` is asked for; null: there is no kubelet. */
  executor: Executor | null = null;
  /** Of the controller manager: it works while the server does. */
  readonly garbage: GarbageCollector;
  readonly #api: Api;
  readonly certificates: Certificates;
  readonly #sockets = new Set<Duplex>();
  #server: Server | null = null;
  #port = 0;

  constructor(certificates: Certificates, bookmarkMs = 200) {
    this.certificates = certificates;
    this.#api = new Api(this.store, this.users, this.faults, bookmarkMs);
    this.garbage = new GarbageCollector(this.store, () => this.types());
  }

  /** Where webhooks are called: NAMESPACE/NAME of a Service to a port of this host. */
  get webhookPorts(): Map<string, number> {
    return this.#api.admission.ports;
  }

  /** Calls of webhooks that got no answer. */
  get webhookFailures(): string[] {
    return this.#api.admission.failures;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** All kinds that the server has now. */
  types(): ResourceType[] {
    return this.#api.types();
  }

  /** Listens on a port of its own, the same one each time. */
  async start(): Promise<void> {
    const { authority, serverCertificate, serverKey } = this.certificates;
    // A certificate of the client is welcome; without one there are tokens.
    const clients = { ca: authority, requestCert: true, rejectUnauthorized: false };
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push(`${request.method} ${request.url}`);
      this.#api.answer(request, response).catch((error: unknown) => {
        console.error('simulator:', error);
        response.destroy();
      });
    };
    const server = createServer({ cert: serverCertificate, key: serverKey, ...clients }, answer);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.requests.push(`${request.method} ${request.url}`);
      this.#api.upgrade(request, socket, head, this.executor);
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.garbage.start();
  }

  /** New connections are answered with these certificates; null: with those of the start. */
  presentCertificates(certificates: Certificates | null): void {
    const { authority, serverCertificate, serverKey } = certificates ?? this.certificates;
    this.#server?.setSecureContext({ cert: serverCertificate, key: serverKey, ca: authority });
  }

  /** Ends every connection, as a broken network does. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Makes continue tokens invalid: 410 in the middle of paging. */
  expireLists(): void {
    this.#api.expireLists();
  }

  /**
   * Down and up again. The history is lost, as the real server's watch cache is.
   *
   * @param downMs milliseconds without a server
   * @param backup state to come back with: the version counter goes back
   */
  async restart(downMs = 20, backup: Snapshot | null = null): Promise<void> {
    await this.stop();
    await sleep(downMs);
    if (backup === null) this.store.compact();
    else this.store.restore(backup);
    await this.start();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.garbage.stop();
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    this.cutConnections();
    await closed;
  }
}
