/**
 * The lab's probe for SCTP, where the kernel has no sockets for it: begins associations by hand. It is controlled like
 * the probe of src/lab (probe-messages.ts), and ends when its standard input does.
 */
import { createInterface } from 'node:readline';
import { endpoint } from '../../../src/lab/probe-process/endpoint.js';
import { initAckPacket, initPacket, readPacket } from './packet.js';
import { RawSocket } from './raw-socket.js';

/** @import { Answer, DialOutcome, DialRequest, Reply, Request, ServeRequest } from '../../../src/lab/probe-messages.ts' */

/** @type {Readonly<Record<string, DialOutcome>>} */
const outcomes = {
  ECONNREFUSED: { outcome: 'refused', how: 'ECONNREFUSED' },
  ENETUNREACH: { outcome: 'unreachable', how: 'ENETUNREACH' },
  EHOSTUNREACH: { outcome: 'unreachable', how: 'EHOSTUNREACH' },
  EACCES: { outcome: 'unreachable', how: 'EACCES' },
  EPERM: { outcome: 'unreachable', how: 'EPERM' },
  // ICMP protocol unreachable: the host does not listen for SCTP at all.
  ENOPROTOOPT: { outcome: 'unreachable', how: 'ENOPROTOOPT' },
  // The same of IPv6: ICMPv6 parameter problem, unrecognized next header.
  EPROTO: { outcome: 'unreachable', how: 'EPROTO' },
};

/** How long this host's own ICMP error takes, generously. */
const ICMP_ERROR_MS = 50;

/** @type {Map<string, { socket: RawSocket, ports: Map<number, string> }>} */
const listeners = new Map();

/** @param {Request} request */
async function carryOut(request) {
  switch (request.command) {
    case 'serve':
      return serve(request);
    case 'silence':
      for (const { socket } of listeners.values()) socket.close();
      listeners.clear();
      return null;
    case 'dial':
      return dialInTurn(request);
    case 'dialMany':
    case 'hold':
    case 'release':
      throw new Error('SCTP: dial one by one');
  }
}

/** @param {ServeRequest} request */
function serve({ address, port, name }) {
  if (address === undefined) throw new Error('SCTP: serve at one address');
  const served = name ?? endpoint(address, port);
  const listener = listeners.get(address);
  if (listener !== undefined) {
    listener.ports.set(port, served);
    return null;
  }
  const socket = new RawSocket(address);
  const ports = new Map([[port, served]]);
  listeners.set(address, { socket, ports });
  socket.watch(() => {
    for (let got = socket.receive(); got !== null; got = socket.receive()) {
      const packet = readPacket(got.bytes);
      const who = packet?.kind === 'INIT' ? ports.get(packet.port) : undefined;
      if (packet === null || who === undefined) continue;
      const sawSource = endpoint(got.from, packet.sourcePort);
      const cookie = JSON.stringify(/** @type {Answer} */ ({ served: who, sawSource }));
      const back = { sourcePort: packet.port, port: packet.sourcePort, tag: 2 };
      socket.send(initAckPacket(back, packet.tag, cookie), got.from);
    }
  });
  return null;
}

/**
 * The dials under way by source and destination: one after the other, since a raw socket receives the ICMP errors of
 * all ports.
 * @type {Map<string, Promise<unknown>>}
 */
const lastDials = new Map();

/**
 * @param {Omit<DialRequest, 'command'>} request
 * @returns {Promise<DialOutcome>}
 */
async function dialInTurn(request) {
  const pair = `${request.from} ${request.to}`;
  const turn = (lastDials.get(pair) ?? Promise.resolve()).then(() => dial(request));
  lastDials.set(
    pair,
    turn.catch(() => {}),
  );
  return await turn;
}

/**
 * @param {Omit<DialRequest, 'command'>} request
 * @returns {Promise<DialOutcome>}
 */
function dial({ from, sourcePort, to, port, timeoutMs }) {
  if (from === undefined || sourcePort === undefined) throw new Error('SCTP: dial from an address and port');
  const socket = new RawSocket(from);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end({ outcome: 'timeout' }), timeoutMs);
    /** @param {DialOutcome} outcome */
    const end = (outcome) => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    /** @param {() => void} action */
    const orFail = (action) => {
      try {
        action();
      } catch (error) {
        const outcome = outcomes[/** @type {NodeJS.ErrnoException} */ (error).code ?? ''];
        if (outcome === undefined) reject(error);
        const isFiltered = outcome?.outcome === 'unreachable' && outcome.how === 'EPERM';
        if (!isFiltered) end(outcome ?? { outcome: 'timeout' });
        // If this host itself refuses, its packet filter's ICMP error is already there: read it before the end.
        else setTimeout(() => setImmediate(() => end(outcome)), ICMP_ERROR_MS);
      }
    };
    orFail(() => {
      socket.connect(to);
      socket.watch(() => orFail(() => receiveAnswer()));
      socket.send(initPacket({ sourcePort, port, tag: 1 }), to);
    });

    function receiveAnswer() {
      for (let got = socket.receive(); got !== null; got = socket.receive()) {
        const packet = readPacket(got.bytes);
        if (packet?.kind !== 'INIT ACK' || packet.port !== sourcePort || packet.sourcePort !== port) continue;
        const { served, sawSource } = /** @type {Answer} */ (JSON.parse(packet.cookie));
        end({ outcome: 'answered', by: served, sawSource, from: endpoint(from ?? '', sourcePort ?? 0) });
        return;
      }
    }
  });
}

/** @param {Reply} reply */
function say(reply) {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, ...request } = /** @type {Request & { id: number }} */ (JSON.parse(line));
    try {
      say({ id, value: await carryOut(/** @type {Request} */ (request)) });
    } catch (error) {
      say({ id, error: error instanceof Error ? error.message : String(error) });
    }
  })
  .on('close', () => process.exit(0));
