import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { endpoint } from './endpoint.js';

/** @import { Answer, ServeRequest } from '../probe-messages.ts' */

/** @type {Set<{ close(): unknown }>} */
const listeners = new Set();

/** @param {ServeRequest} request */
export async function serve({ address, port, protocol, name, echo }) {
  if (protocol === 'SCTP') throw new Error('SCTP: Node.js has no sockets for it');
  const listen = protocol === 'UDP' ? serveUdp : echo === true ? serveEcho : serveTcp;
  const addresses = address === undefined ? ownAddresses() : [address];
  for (const one of addresses) listeners.add(await listen(one, port, name));
  return null;
}

/**
 * All addresses of this host, save link-local ones, which need a zone. One socket each, since a reply from a UDP
 * socket that is bound to none leaves with the source that the kernel would choose, not with the one dialled.
 */
function ownAddresses() {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.map((one) => one.address).filter((address) => !address.startsWith('fe80:'));
}

/** Closes every listener; connections under way end by themselves. */
export async function silence() {
  for (const listener of listeners) listener.close();
  listeners.clear();
  return null;
}

/**
 * @param {string} address
 * @param {number} port
 * @param {string | undefined} name
 */
function serveTcp(address, port, name) {
  return listenTcp(address, port, (socket) => {
    const served = name ?? endpoint(socket.localAddress ?? address, port);
    socket.end(answer(served, socket.remoteAddress ?? '', socket.remotePort ?? 0));
  });
}

/**
 * @param {string} address
 * @param {number} port
 */
function serveEcho(address, port) {
  return listenTcp(address, port, (socket) => {
    socket.setNoDelay(true);
    socket.pipe(socket);
  });
}

/**
 * @param {string} address
 * @param {number} port
 * @param {(socket: import('node:net').Socket) => void} receive
 * @returns {Promise<import('node:net').Server>}
 */
function listenTcp(address, port, receive) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}); // the other end went away: nothing to tell
      receive(socket);
    });
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: true, backlog: 512 }, () => resolve(server));
  });
}

/**
 * @param {string} address
 * @param {number} port
 * @param {string | undefined} name
 * @returns {Promise<import('node:dgram').Socket>}
 */
function serveUdp(address, port, name) {
  return new Promise((resolve, reject) => {
    const isV6 = address.includes(':');
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
    socket.on('message', (_, peer) => {
      const text = answer(name ?? endpoint(address, port), peer.address, peer.port);
      socket.send(text, peer.port, peer.address, () => {}); // an error here is the dialler's timeout
    });
    socket.once('error', reject);
    socket.bind({ address, port }, () => resolve(socket));
  });
}

/**
 * @param {string} served
 * @param {string} peerAddress
 * @param {number} peerPort
 */
function answer(served, peerAddress, peerPort) {
  return JSON.stringify(/** @type {Answer} */ ({ served, sawSource: endpoint(peerAddress, peerPort) }));
}
