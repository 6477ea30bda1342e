/**
 * Runs on a host of the scene: listens, holds connections and opens new ones all the time. Controlled over the channel of
 * child_process as `talker-messages.ts` says; ends with its parent.
 *
 * Plain JavaScript with types in comments: Node.js runs this very file, from the sources and from the build.
 */
import { createServer } from 'node:net';
import { dial } from '../../../src/lab/probe-process/dial.js';
import { endpoint } from '../../../src/lab/probe-process/endpoint.js';
import { serve } from '../../../src/lab/probe-process/serve.js';
import { HeldConnection } from './held.js';

/** @import { DialEnd, TalkerRequest, Way } from './talker-messages.ts' */

/** Ports of new connections: above NodePorts. Held ones have the ports below. */
const FIRST_PORT = 33_000;
const LAST_PORT = 60_999;
const MOST_AT_ONCE = 200;

/** @type {HeldConnection[]} */
let held = [];
/** @type {readonly Way[]} */
let ways = [];
/** @type {DialEnd[]} */
let ends = [];
let underWay = 0;
let nextPort = FIRST_PORT;
let turn = 0;
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/** Milliseconds of the clock that all processes of the machine share. */
function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** @param {TalkerRequest} request */
async function carryOut(request) {
  switch (request.command) {
    case 'listen':
      await Promise.all(
        request.targets.map(({ keeps, ...target }) =>
          keeps && target.protocol === 'TCP' ? keep(target) : serve({ command: 'serve', ...target }),
        ),
      );
      return null;
    case 'hold':
      held = await Promise.all(request.ways.map((way) => HeldConnection.open(way, request.everyMs)));
      return null;
    case 'exchange':
      return (await Promise.all(held.map((one) => one.exchange(request.timeoutMs)))).filter(
        (text) => text !== null,
      );
    case 'release':
      for (const one of held) one.close();
      held = [];
      return null;
    case 'dial':
      ways = request.ways;
      clearInterval(timer);
      if (ways.length > 0) timer = setInterval(() => dialNext(request.timeoutMs), request.everyMs);
      return null;
    case 'collect': {
      const collected = ends;
      ends = [];
      return { ends: collected, underWay };
    }
  }
}

/** @param {number} timeoutMs */
async function dialNext(timeoutMs) {
  const way = ways[turn++ % ways.length];
  if (way === undefined || underWay >= MOST_AT_ONCE) return;
  const sourcePort = nextPort;
  nextPort = nextPort === LAST_PORT ? FIRST_PORT : nextPort + 1;
  const startedAt = now();
  const { key, source: from, address: to, port, protocol } = way;
  underWay++;
  try {
    const outcome = await dial({ from, sourcePort, to, port, protocol, timeoutMs });
    ends.push({ key, sourcePort, startedAt, endedAt: now(), outcome });
  } catch (error) {
    ends.push({ key, sourcePort, startedAt, endedAt: now(), failure: String(error) });
  } finally {
    underWay--;
  }
}

/**
 * A TCP listener that answers each message of a connection with who got it from whom.
 * @param {{ address: string, port: number }} target
 */
function keep({ address, port }) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      socket.on('error', () => {}); // the other end went away: nothing to tell
      const served = endpoint(address, port);
      const sawSource = endpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0);
      const answer = `${JSON.stringify({ served, sawSource })}\n`;
      socket.on('data', (chunk) => socket.write(answer.repeat(chunk.length)));
      socket.on('end', () => socket.end());
    });
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: true, backlog: 512 }, () => resolve(null));
  });
}

process.on('message', async (/** @type {TalkerRequest & { id: number }} */ { id, ...request }) => {
  try {
    process.send?.({ id, value: await carryOut(/** @type {TalkerRequest} */ (request)) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit());
