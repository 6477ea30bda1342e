import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A request to a real API server and its answer, as `curl -i` shows it. */
export interface Exchange {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly contentType: string | null;
  readonly requestBody: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const FOLDER = join(import.meta.dirname, 'api-exchanges');

export function readExchanges(): Exchange[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return names.map((name) => parse(name.slice(0, -4), readFileSync(join(FOLDER, name), 'utf8')));
}

/** `> ` lines, an empty line, the status line and headers, an empty line, the body. */
function parse(name: string, text: string): Exchange {
  const [sent = '', head = '', ...rest] = text.split('\n\n');
  const [first = '', ...more] = sent.split('\n').map((line) => line.replace(/^> /, ''));
  const [method = '', path = ''] = first.split(' ');
  const contentType = more.find((line) => line.startsWith('Content-Type: '))?.slice(14) ?? null;
  const [statusLine = '', ...headerLines] = head.split('\n');
  return {
    name,
    method,
    path,
    contentType,
    requestBody: more.find((line) => line.startsWith('{')) ?? '',
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(
      headerLines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    ),
    body: rest.join('\n\n'),
  };
}
