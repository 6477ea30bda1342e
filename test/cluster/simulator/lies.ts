import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, type JsonObject } from './objects.ts';

/** A request that is answered wrongly. */
export interface Asked {
  readonly path: string;
  /** Null: discovery. */
  readonly kind: string | null;
  readonly isWatch: boolean;
  readonly response: ServerResponse;
  /** The right answer; of a watch only its beginning is known, and it has none. */
  readonly right: () => JsonObject;
}

export type Lie = (asked: Asked) => void | Promise<void>;

/** Milliseconds between the pieces of endless answers, so that they load no processor. */
const PACE = 5;

/** What a program in front of the server, or a broken server, may send with status 200. Each ends by itself or with the connection. */
export const lies = {
  html: ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end('<html><body>Please log in.</body></html>');
  },
  'not found, as HTML': ({ response }) => {
    response.writeHead(404, { 'Content-Type': 'text/html' });
    response.end('<html><body>no such page</body></html>');
  },
  'a redirect': ({ response, path }) => {
    response.writeHead(302, { Location: path });
    response.end();
  },
  'cut JSON': ({ response, right }) => {
    const text = JSON.stringify(right());
    json(response, text.slice(0, text.length / 2));
  },
  'an empty object': ({ response }) => json(response, '{}'),
  'an empty answer': ({ response }) => json(response, ''),
  null: ({ response }) => json(response, 'null'),
  'a list of another kind': ({ response }) =>
    json(response, '{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}'),
  'items that are no list': ({ response, right }) =>
    json(response, JSON.stringify({ ...right(), items: {} })),
  'objects without a name': ({ response, right }) =>
    json(response, JSON.stringify({ ...right(), items: itemsOf(right()).map(({ spec }) => ({ spec })) })),
  'a list without a version': ({ response, right }) =>
    json(response, JSON.stringify({ ...right(), metadata: {} })),
  'fields of wrong types': ({ response, right }) =>
    json(
      response,
      JSON.stringify({
        ...right(),
        items: itemsOf(right()).map((item) => ({ ...item, spec: 'x', endpoints: 7 })),
      }),
    ),
  'pages without end': ({ response, right }) => {
    const random = Math.random().toString(36).slice(2);
    const metadata = { resourceVersion: '1', continue: random };
    json(response, JSON.stringify({ ...right(), metadata }));
  },
  'an answer without end': async ({ response, kind }) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(`{"kind":"${kind}List","items":[`);
    await forEver(response, `"${'x'.repeat(4096)}",`);
  },
  'spaces without end': async ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    await forEver(response, ' ');
  },
  'lines without content': async ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    await forEver(response, '\n');
  },
  silence: () => {},
  'nothing after the headers': ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
  },
  'bytes of HTTP/2': ({ response }) => {
    response.socket?.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u0012\u0004\0\0\0\0\0');
  },
  'another protocol': ({ response }) => {
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  },
  'a length that is too long': ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
    response.write('{"kind":');
    setTimeout(() => response.destroy(), PACE);
  },
} satisfies Readonly<Record<string, Lie>>;

export type LieName = keyof typeof lies;

function itemsOf({ items }: JsonObject): JsonObject[] {
  return Array.isArray(items) ? items.filter(isJsonObject) : [];
}

function json(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  // As a line too, so that a watch reads it.
  response.end(`${text}\n`);
}

async function forEver(response: ServerResponse, text: string): Promise<void> {
  while (!response.destroyed) {
    response.write(text);
    await sleep(PACE);
  }
}
