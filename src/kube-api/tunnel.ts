import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIPv6, type Socket } from 'node:net';
import { addressBytes, isIpv6, parseAddress } from '../net/address.ts';
import { bare } from './proxy.ts';

/** A connection to `host:port` through a proxy. Rejects if the proxy cannot be reached or refuses. */
export async function openTunnel(
  proxy: URL,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  return proxy.protocol.startsWith('socks5')
    ? await openSocks(proxy, host, port, signal)
    : await openConnect(proxy, host, port, signal);
}

/** CONNECT of HTTP (RFC 9110). */
async function openConnect(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const { user, password } = credentialsOf(proxy);
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return await new Promise((resolve, reject) => {
    const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
    const asked = send({
      host: bare(proxy.hostname),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...(user === '' ? {} : { 'Proxy-Authorization': basic }) },
      agent: false,
      signal,
    });
    asked.on('connect', ({ statusCode = 0, statusMessage }, socket, head) => {
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket as Socket);
      } else {
        socket.destroy();
        reject(new Error(`the proxy ${proxy.host} refused: ${statusCode} ${statusMessage ?? ''}`.trim()));
      }
    });
    asked.on('error', (error) => reject(unreachable(proxy, error)));
    asked.end();
  });
}

const VERSION = 5;
const WITHOUT_CREDENTIALS = 0;
const WITH_PASSWORD = 2;

/** Reasons of a refused request (RFC 1928, section 6), from 1 on. */
const REFUSALS = [
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

/** CONNECT of SOCKS 5 (RFC 1928), with name and password (RFC 1929) if the URL has them. The proxy resolves names. */
async function openSocks(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: bare(proxy.hostname), port: Number(proxy.port || 1080), signal });
  try {
    await once(socket, 'connect', { signal });
    const { user, password } = credentialsOf(proxy);
    const method = user === '' ? WITHOUT_CREDENTIALS : WITH_PASSWORD;
    socket.write(Buffer.from([VERSION, 1, method]));
    const [, chosen] = await take(socket, 2);
    if (chosen !== method) throw new Error('it does not take the credentials of the proxy URL');
    if (method === WITH_PASSWORD) {
      socket.write(Buffer.concat([Buffer.from([1]), counted(user), counted(password)]));
      const [, status] = await take(socket, 2);
      if (status !== 0) throw new Error('it refuses the credentials of the proxy URL');
    }
    const [high, low] = [port >> 8, port & 0xff];
    socket.write(Buffer.concat([Buffer.from([VERSION, 1, 0]), addressOf(host), Buffer.from([high, low])]));
    const [, reply = 0, , type = 0, length = 0] = await take(socket, 5);
    if (reply !== 0) throw new Error(REFUSALS[reply - 1] ?? `code ${reply}`);
    // The bound address, of which one byte is read already, and its port.
    await take(socket, (type === 1 ? 3 : type === 4 ? 15 : length) + 2);
    return socket;
  } catch (error) {
    socket.destroy();
    throw unreachable(proxy, error);
  }
}

function addressOf(host: string): Buffer {
  const address = parseAddress(host);
  if (address === null) return Buffer.concat([Buffer.from([3]), counted(host)]);
  return Buffer.from([isIpv6(address) ? 4 : 1, ...addressBytes(address)]);
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new Error(`"${text.slice(0, 20)}…" is longer than 255 bytes`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** The next `length` bytes. The socket's signal aborts it too. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      socket.off('readable', read).off('error', failed).off('close', closed);
      settled();
    };
    const failed = (error: Error) => settle(() => reject(error));
    const closed = () => failed(new Error('it closed the connection'));
    const read = () => {
      const piece: Buffer | null = socket.read(length);
      if (piece?.length === length) settle(() => resolve(piece));
      else if (piece !== null || socket.readableEnded || socket.destroyed) closed();
    };
    socket.on('error', failed).on('close', closed).on('readable', read);
    read();
  });
}

function credentialsOf({ username, password }: URL): { user: string; password: string } {
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

function unreachable(proxy: URL, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`the proxy ${proxy.host}: ${reason}`, { cause: error });
}
