/** The addresses of an agent: switched off, and while clients keep connections open when it stops. */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { nodeFixture } from '../cli/node-fixture.ts';

const node = nodeFixture();

/** The listening TCP sockets of this namespace. */
function listening(): string[] {
  const lines = execFileSync('ss', ['-Htln'], { encoding: 'utf8' }).trim().split('\n');
  return lines.flatMap((line) => line.split(/\s+/)[3] ?? []);
}

/** Milliseconds from SIGTERM to the end of the process; also checks its exit status. */
async function timeToEnd(agent: Awaited<ReturnType<typeof node.startAgent>>): Promise<number> {
  const started = performance.now();
  agent.process.kill('SIGTERM');
  const { status, errors } = await agent.ended;
  expect(status, errors).toBe(0);
  return performance.now() - started;
}

test('empty addresses: nothing listens, and the agent ends on SIGTERM', async () => {
  const agent = await node.startAgent(['--http-address=', '--health-address=', '--metrics-address=']);
  expect(listening()).toEqual([]);
  expect(await timeToEnd(agent)).toBeLessThan(5_000);
});

test('clients that send nothing or half a request, or keep a connection or stream open, do not delay the end', async () => {
  const agent = await node.startAgent();
  await agent.errorsHave('serving the API');
  const whole = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const texts = [
    '',
    'GET /livez HT',
    whole('/livez'),
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1',
  ];
  const sockets: Socket[] = [];
  for (const port of [8484, 10249, 10256]) {
    for (const text of texts) sockets.push(await dial({ host: '127.0.0.1', port }, text));
  }
  const streams = [whole('/api/v1/flows/watch'), whole('/metrics')];
  for (const text of streams) sockets.push(await dial({ host: '127.0.0.1', port: 8484 }, text));
  for (const text of [...texts, whole('/api/v1/flows/watch')]) {
    sockets.push(await dial({ path: '\0knat.agent' }, text));
  }
  expect(await timeToEnd(agent)).toBeLessThan(5_000);
  for (const socket of sockets) socket.destroy();
});

async function dial(where: { host: string; port: number } | { path: string }, text: string): Promise<Socket> {
  const socket = connect(where as { path: string });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(text);
  if (text.endsWith('\r\n\r\n')) await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

test('every log line is JSON, from the start to the end', async () => {
  const agent = await node.startAgent();
  agent.process.kill('SIGTERM');
  const { errors } = await agent.ended;
  for (const line of errors.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  expect(errors).not.toContain('Warning');
});
