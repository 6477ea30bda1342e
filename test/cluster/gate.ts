import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy to an API server that the test can bar and break, for servers without faults on demand; TLS passes
 * unchanged. It belongs to the network namespace in which it was opened.
 */
export class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #host: string;
  #isOpen = true;
  /** Connections that were let through. */
  passed = 0;

  /**
   * @param url of the server behind it
   * @param host where it listens: an address of loopback
   */
  static async open(url: string, host = '127.0.0.1'): Promise<Gate> {
    const gate = new Gate(new URL(url), host);
    await new Promise<void>((resolve, reject) => {
      gate.#server.once('error', reject);
      gate.#server.listen(0, host, resolve);
    });
    return gate;
  }

  private constructor({ hostname, port }: URL, host: string) {
    this.#host = host;
    this.#server = createServer((near) => {
      if (!this.#isOpen) {
        near.destroy();
        return;
      }
      this.passed++;
      const far = connect(Number(port), hostname);
      this.#tie(near, far);
      this.#tie(far, near);
    });
  }

  /** The URL for clients. */
  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return `https://${this.#host}:${port}`;
  }

  /** Breaks open connections, and refuses new ones until `unbar`. */
  bar(): void {
    this.#isOpen = false;
    this.cut();
  }

  unbar(): void {
    this.#isOpen = true;
  }

  /** Breaks every connection, as a broken network does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #tie(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
