import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Host } from '../lab/host.ts';

const FORWARDER = fileURLToPath(new URL('./forward/main.js', import.meta.url));

/** Where an agent serves its page when it is told nothing else, in its own namespace. */
const AGENT_PORT = 8484;

/**
 * The page of an agent that lives in a namespace, on a loopback address of this machine: a process in the namespace
 * leads from a socket file to the agent, and this process from the address to the socket file.
 */
export class PageAddress {
  readonly url: string;
  readonly #server: Server;
  readonly #forwarder: ChildProcess;

  private constructor(server: Server, forwarder: ChildProcess) {
    this.#server = server;
    this.#forwarder = forwarder;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** @param socketFile a path where nothing is yet, which whoever starts this may alone enter */
  static async open(host: Host, socketFile: string): Promise<PageAddress> {
    const argv = [process.execPath, FORWARDER, socketFile, String(AGENT_PORT)];
    const forwarder = host.spawn(argv, {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true, // Ctrl-C is for the demo
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const ended = once(forwarder, 'exit').then(() => {
      throw new Error(`the forwarder in ${host.name} ended at once`);
    });
    if (forwarder.stdout !== null) await Promise.race([once(forwarder.stdout, 'data'), ended]);
    ended.catch(() => {}); // it ends with the demo
    const server = createServer((near) => {
      const far = connect(socketFile);
      pipeline(near, far, () => {});
      pipeline(far, near, () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageAddress(server, forwarder);
  }

  /** Blocks for nothing; may be called again. */
  close(): void {
    this.#server.close();
    this.#forwarder.kill('SIGKILL');
  }
}
