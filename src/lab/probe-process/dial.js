import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { endpoint } from './endpoint.js';

/** @import { Answer, DialOutcome, DialRequest } from '../probe-messages.ts' */
/** @typedef {Omit<DialRequest, 'command'>} Dial */

/**
 * Errors of the kernel that tell of the network, in errno names; any other is a mistake in the request.
 * @type {Readonly<Record<string, DialOutcome>>}
 */
const outcomes = {
  ECONNREFUSED: { outcome: 'refused', how: 'ECONNREFUSED' },
  ECONNRESET: { outcome: 'refused', how: 'ECONNRESET' },
  ETIMEDOUT: { outcome: 'timeout' },
  ENETUNREACH: { outcome: 'unreachable', how: 'ENETUNREACH' },
  EHOSTUNREACH: { outcome: 'unreachable', how: 'EHOSTUNREACH' },
  EACCES: { outcome: 'unreachable', how: 'EACCES' },
  EPERM: { outcome: 'unreachable', how: 'EPERM' },
};

/** How long this host's own ICMP error takes, generously. */
const ICMP_ERROR_MS = 50;

/**
 * True when this host's packet filter dropped what was sent.
 * @param {NodeJS.ErrnoException} error
 */
function isFiltered(error) {
  return error.code === 'EPERM';
}

/**
 * Dials once. Rejects for a request that this host cannot carry out.
 * @param {Dial} request
 * @returns {Promise<DialOutcome>}
 */
export function dial(request) {
  switch (request.protocol) {
    case 'TCP':
      return dialTcp(request);
    case 'UDP':
      return dialUdp(request);
    case 'SCTP':
      return Promise.reject(new Error('SCTP: Node.js has no sockets for it'));
  }
}

/**
 * @param {Dial} request
 * @returns {Promise<DialOutcome>}
 */
function dialTcp({ from, sourcePort, to, port, timeoutMs }) {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: to,
      port,
      ...(from === undefined ? {} : { localAddress: from }),
      ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
    });
    let local = '';
    let text = '';
    const timer = setTimeout(() => end({ outcome: 'timeout' }), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      local = endpoint(socket.localAddress ?? '', socket.localPort ?? 0);
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => end(answered(text, local)));
    socket.on('error', (error) => fail(error, end, reject));

    /** @param {DialOutcome} outcome */
    function end(outcome) {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    }
  });
}

/**
 * A connected socket, since only such a one is told of ICMP errors (udp(7)). One datagram is sent, never repeated.
 * @param {Dial} request
 * @returns {Promise<DialOutcome>}
 */
function dialUdp({ from, sourcePort, to, port, timeoutMs }) {
  return new Promise((resolve, reject) => {
    const isV6 = to.includes(':');
    const socket = createSocket(isV6 ? 'udp6' : 'udp4');
    let local = '';
    let isOver = false;
    const timer = setTimeout(() => end({ outcome: 'timeout' }), timeoutMs);
    socket.on('message', (message) => end(answered(message.toString(), local)));
    socket.on('error', (error) => fail(error, end, reject));
    // Without a callback of its own, a failed connect is an 'error' event.
    socket.bind({ address: from ?? (isV6 ? '::' : '0.0.0.0'), port: sourcePort ?? 0 }, () => {
      socket.connect(port, to);
    });
    socket.on('connect', () => {
      const { address, port: localPort } = socket.address();
      local = endpoint(address, localPort);
      socket.send('who is there?', (error) => {
        if (!error) return;
        if (!isFiltered(error)) fail(error, end, reject);
        // Where this host itself refuses, its packet filter's ICMP error lies ready: let it be read before the end.
        else setTimeout(() => setImmediate(() => fail(error, end, reject)), ICMP_ERROR_MS);
      });
    });

    /** @param {DialOutcome} outcome */
    function end(outcome) {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    }
  });
}

/**
 * @param {string} text
 * @param {string} from
 * @returns {DialOutcome}
 */
function answered(text, from) {
  const { served, sawSource } = /** @type {Answer} */ (JSON.parse(text));
  return { outcome: 'answered', by: served, sawSource, from };
}

/**
 * @param {NodeJS.ErrnoException} error
 * @param {(outcome: DialOutcome) => void} end
 * @param {(error: Error) => void} reject
 */
function fail(error, end, reject) {
  const outcome = outcomes[error.code ?? ''];
  if (outcome === undefined) reject(error); // before `end`, whose resolve then does nothing
  end(outcome ?? { outcome: 'timeout' });
}
