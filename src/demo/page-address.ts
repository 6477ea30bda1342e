import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Host } from '../lab/host.ts';

const FORWARDER = fileURLToPath(new URL('./forward/main.js', import.meta.url));

/** The agent's default port for its page. */
const AGENT_PORT = 8484;

/**
 * Makes the page of an agent in a namespace reachable on a loopback address of this machine: a process in the namespace
 * connects a socket file to the agent, this process connects the address to the socket file.
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

  /** @param socketFile a path that does not exist yet, in a folder that only the caller may enter */
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

  /** Does not wait; may be called again. */
  close(): void {
    this.#server.close();
    this.#forwarder.kill('SIGKILL');
  }
}
