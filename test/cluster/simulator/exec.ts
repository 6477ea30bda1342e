/// <reference path="./ws.d.ts" />
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { JsonObject } from './objects.ts';
import { failureStatus } from './status.ts';

/** A command to run in a container. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** Runs it, as a kubelet would. */
export type Executor = (request: ExecRequest) => ChildProcessWithoutNullStreams;

/** The first byte of a message: `k8s.io/apimachinery/pkg/util/remotecommand`. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** With it a client can end standard input alone. */
const PROTOCOL = 'v5.channel.k8s.io';

/** Null for other paths than that of `exec`. */
export function readExecPath({ pathname, searchParams }: URL): ExecRequest | null {
  const [, namespace, pod] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/exec$/.exec(pathname) ?? [];
  if (namespace === undefined || pod === undefined) return null;
  const has = (name: string) => ['1', 'true'].includes(searchParams.get(name) ?? '');
  return {
    namespace: decodeURIComponent(namespace),
    pod: decodeURIComponent(pod),
    container: searchParams.get('container') ?? '',
    command: searchParams.getAll('command'),
    stdin: has('stdin'),
    tty: has('tty'),
  };
}

/** Serves `exec` over WebSockets; the older SPDY is not here. */
export class ExecServer {
  readonly #server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });

  accept(
    asked: ExecRequest,
    execute: Executor,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (connection) => {
      connect(asked, execute(asked), connection);
    });
  }
}

/** The streams of the process are the channels of the connection; its end is a Status on the channel for errors. */
function connect(asked: ExecRequest, child: ChildProcessWithoutNullStreams, connection: WebSocket): void {
  const send = (channel: number, data: Buffer) => connection.send(Buffer.concat([Buffer.of(channel), data]));
  child.stdout.on('data', (data: Buffer) => send(CHANNEL.stdout, data));
  child.stderr.on('data', (data: Buffer) => send(CHANNEL.stderr, data));
  child.stdin.on('error', () => {}); // it ended without reading all
  if (!asked.stdin) child.stdin.end();
  connection.on('message', (message) => {
    const [channel, ended] = message;
    if (channel === CHANNEL.stdin) child.stdin.write(message.subarray(1));
    else if (channel === CHANNEL.close && ended === CHANNEL.stdin) child.stdin.end();
  });
  connection.on('error', () => {}); // the `close` event that follows handles it
  connection.on('close', () => {
    child.kill('SIGHUP');
  });
  child.on('close', (code) => {
    send(CHANNEL.error, Buffer.from(JSON.stringify(endStatus(code ?? 137))));
    connection.close(1000);
  });
}

function endStatus(code: number): JsonObject {
  if (code === 0) return { metadata: {}, status: 'Success' };
  const message = `command terminated with non-zero exit code: exit status ${code}`;
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  return failureStatus(500, 'NonZeroExitCode', message, { causes });
}
