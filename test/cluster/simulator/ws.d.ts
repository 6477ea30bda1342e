/** What the simulator uses of the package ws, which brings no types. */
declare module 'ws' {
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  export class WebSocket {
    on(event: 'message', listener: (data: Buffer) => void): this;
    on(event: 'close', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    send(data: Buffer): void;
    close(code?: number): void;
  }

  export class WebSocketServer {
    constructor(options: {
      noServer: true;
      handleProtocols: (offered: ReadonlySet<string>) => string | false;
    });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (connection: WebSocket) => void,
    ): void;
  }
}
