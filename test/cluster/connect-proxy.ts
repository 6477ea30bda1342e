import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** An HTTP proxy on loopback that opens tunnels (CONNECT) to every requested destination and records them. */
export class ConnectProxy {
  /** `host:port` of each tunnel. */
  readonly tunnels: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  static async open(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor() {
    this.#server = createServer((_, answer) => answer.writeHead(405).end());
    this.#server.on('connect', ({ url = '' }, near: Duplex) => {
      this.tunnels.push(url);
      const { hostname, port } = new URL(`http://${url}`);
      const far = connect(Number(port), hostname, () => near.write('HTTP/1.1 200 OK\r\n\r\n'));
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
