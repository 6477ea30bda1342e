import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A SOCKS 5 proxy on loopback (RFC 1928) that requires the name `knat` and the password `p:w` (RFC 1929), and connects
 * clients to every requested destination. With a `reply` other than 0 it answers all of them with that reply.
 */
export class SocksProxy {
  /** `host:port` of each tunnel. */
  readonly tunnels: string[] = [];
  /** 0, or the reply that refuses every client (RFC 1928, section 6). */
  reply = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async open(): Promise<SocksProxy> {
    const proxy = new SocksProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor() {
    this.#server = createServer((near) => {
      this.#keep(near);
      void this.#serve(near).catch(() => near.destroy());
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(near: Socket): Promise<void> {
    const [, methods = 0] = await take(near, 2);
    const offered = await take(near, methods);
    if (!offered.includes(2)) {
      near.end(Buffer.from([5, 0xff]));
      return;
    }
    near.write(Buffer.from([5, 2]));
    const counted = async () => (await take(near, (await take(near, 1))[0] ?? 0)).toString();
    await take(near, 1);
    const isKnown = (await counted()) === 'knat' && (await counted()) === 'p:w';
    near.write(Buffer.from([1, isKnown ? 0 : 1]));
    const [, , , type] = await take(near, 4);
    const host =
      type === 1 ? (await take(near, 4)).join('.') : type === 3 ? await counted() : hex(await take(near, 16));
    const port = (await take(near, 2)).readUInt16BE();
    this.tunnels.push(`${host}:${port}`);
    // The address of its side is written as a name, whose length varies.
    const answer = Buffer.concat([
      Buffer.from([5, this.reply, 0, 3, 5]),
      Buffer.from('local'),
      Buffer.from([0, 80]),
    ]);
    if (this.reply !== 0) {
      near.end(answer);
      return;
    }
    const far = connect(port, host, () => {
      near.write(answer);
      near.pipe(far);
      far.pipe(near);
    });
    this.#keep(far);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

async function take(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  return await new Promise((resolve, reject) => {
    const closed = () => reject(new Error('the client closed the connection'));
    const read = () => {
      const piece: Buffer | null = socket.read(length);
      if (piece === null) return;
      socket.off('readable', read).off('close', closed);
      resolve(piece);
    };
    socket.on('readable', read).on('close', closed);
    read();
  });
}

function hex(address: Buffer): string {
  return (address.toString('hex').match(/.{4}/g) ?? []).join(':');
}
