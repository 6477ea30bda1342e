/**
 * A process of clients that take what they can from the agent: `clients.js KIND NUMBER`, in the namespace of the agent. Prints
 * `begun` when all of them have connected once. A client whose connection is cut comes back.
 */
import { connect } from 'node:net';

const SOCKET = '\0knat.agent';
const HTTP = { host: '127.0.0.1', port: 8484 };
const HEALTH = { host: '127.0.0.1', port: 10256 };
/** The agent regards a client that comes from here as another host. */
const ELSEWHERE = { host: '192.0.2.7', port: 8484, localAddress: '192.0.2.7' };
const HEALTH_ELSEWHERE = { host: '192.0.2.7', port: 10256, localAddress: '192.0.2.7' };
const [kind = '', number = '1'] = process.argv.slice(2);
const AGAIN_MS = 200;

/** @param {string} path */
const get = (path) => `GET /api/v1${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
/** @param {string} path @param {number} length */
const post = (path, length) =>
  `POST /api/v1${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

const places = [{ path: SOCKET }, HTTP, HEALTH, ELSEWHERE, HEALTH_ELSEWHERE];
const answers = ['/flows', '/flows/watch', '/entries?limit=1000', '/activity', '/openapi.json', '/flows'];

/** @typedef {import('node:net').Socket} Socket */
/** What a client does with its connection. @type {Record<string, (socket: Socket, index: number) => void>} */
const kinds = {
  /** Says nothing. */
  idle: (socket) => socket.resume(),
  /** A byte a second, of a request that never ends. */
  slow: (socket) => {
    const text = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(4_000)}`;
    let at = 0;
    const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ''), 1_000);
    socket.resume().once('close', () => clearInterval(timer));
  },
  /** A body that does not come. */
  half: (socket) => {
    socket.resume().write(`${post('/explain', 1_000_000)}[`);
  },
  /** Asks and never reads. */
  deaf: (socket, index) => {
    socket.pause().write(get(answers[index % answers.length] ?? ''));
  },
  /** Sends several questions ahead. */
  hasty: (socket, index) => {
    socket.resume().write(get(answers[index % answers.length] ?? '').repeat(4));
  },
  /** Lists all flows, again and again, as fast as it can. */
  listing: (socket) => again(socket, get('/flows')),
  /** Long lists of packets for explain. */
  asking: (socket) => {
    const flow = { sourceIP: '10.244.1.5', protocol: 'TCP', destIP: '10.96.0.7', destPort: 80 };
    const body = JSON.stringify(Array.from({ length: 8_000 }, () => flow));
    again(socket, post('/explain', body.length) + body);
  },
  /** What costs the agent most for a short question. */
  costly: (socket, index) => {
    const all = [
      '/flows/rates?seconds=1',
      '/flows/pairs?limit=1000',
      '/entries?search=zzz&limit=1000',
      '/notices?search=zzz',
      '/problems?search=z',
      '/metrics',
    ];
    const path = all[index % all.length] ?? '';
    again(socket, path === '/metrics' ? 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' : get(path));
  },
};

/** Asks again when an answer is over: it ends in an empty chunk, or is short and came whole. @param {Socket} socket @param {string} question */
function again(socket, question) {
  socket.on('data', (piece) => {
    if (
      piece.subarray(-5).toString('latin1') === '0\r\n\r\n' ||
      /content-length/i.test(piece.toString('latin1', 0, 400))
    ) {
      setImmediate(() => socket.write(question));
    }
  });
  socket.write(question);
}

const behave = kinds[kind];
if (behave === undefined) throw new Error(`there is no client of the kind "${kind}"`);
let connected = 0;

/** @param {number} index */
function client(index) {
  const everywhere = kind === 'idle' || kind === 'slow';
  const place = everywhere
    ? places[index % places.length]
    : index % 4 === 3 && kind !== 'half'
      ? HTTP
      : { path: SOCKET };
  let isFirst = true;
  const dial = () => {
    const socket = connect(/** @type {never} */ (place), () => {
      if (isFirst && ++connected === Number(number)) process.stdout.write('begun\n');
      isFirst = false;
      behave?.(socket, index);
    });
    socket.on('error', () => {
      if (isFirst && ++connected === Number(number)) process.stdout.write('begun\n');
      isFirst = false;
    });
    socket.once('close', () => setTimeout(dial, AGAIN_MS));
  };
  dial();
}

for (let index = 0; index < Number(number); index++) client(index);
process.once('disconnect', () => process.exit());
