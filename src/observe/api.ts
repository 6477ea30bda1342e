import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from '../limits/table.ts';
import { isTrustedUser, peerUser } from '../wire/unix-peer.ts';
import { AGENT_SOCKET, findAgent, otherSocketName, type Stranger } from './agent-sockets.ts';
import type { Api } from './api/route.ts';
import type { AgentView } from './api/view.ts';
import { boundsOf, Connections, type Peer, REQUEST_LIMITS } from './connections.ts';
import { lateListener } from './late-listener.ts';

/** Another agent answers in this network namespace. */
export class AgentRunning extends Error {
  readonly code = 'KNAT_AGENT_RUNNING';
  override readonly name = 'AgentRunning';
  constructor() {
    super('another knat agent works in this network namespace already');
  }
}

/** Near: users who may ask. Far: all others. */
const BOUNDS = boundsOf({
  near: 'socket-connections',
  far: 'socket-connections-of-others',
  perSource: 'socket-connections-of-another-user',
});
/** Limit of a question, which may contain many flows, in milliseconds. */
const LONGEST_REQUEST = 3 * limits['request-body-time'].most;
/** The well-known name may become free or taken between the search and the attempt. */
const ATTEMPTS = 5;

export interface AgentServer {
  /** Holder of the agent's well-known name; null: none. */
  readonly stranger: Stranger | null;
  /** Also cuts all connections. */
  close(): void;
}

/**
 * Serves the API on the agent's socket, to root and the agent's own user in this network namespace. If another user
 * holds the well-known name, another name is used, which clients find. Throws AgentRunning.
 */
export async function serveAgent(
  api: () => Promise<Api>,
  view: Pick<AgentView, 'flows' | 'reading'>,
): Promise<AgentServer> {
  const answer = lateListener(async () => {
    const { agentAnswers } = await import('./agent-answers.ts');
    return agentAnswers(await api(), view);
  });
  const trusted = new WeakSet<Socket>();
  const connections = new Connections(BOUNDS, (socket) => {
    const peer = peerOf(socket);
    if (peer.isNear) trusted.add(socket);
    return peer;
  });
  for (let attempt = 1; ; attempt++) {
    const limits = { ...REQUEST_LIMITS, requestTimeout: LONGEST_REQUEST };
    const server = createServer(limits, (request, response) => {
      if (trusted.has(request.socket)) void answer(request, response);
      else response.writeHead(403, { 'Content-Type': 'application/json', Connection: 'close' }).end(DENIED);
    });
    connections.guard(server);
    const { socket, strangers } = await findAgent();
    socket?.destroy();
    if (socket !== null) throw new AgentRunning();
    const [stranger = null] = strangers.filter(({ name }) => name === AGENT_SOCKET.replace('\0', '@'));
    if (await listens(server, stranger === null ? AGENT_SOCKET : otherSocketName())) {
      const close = () => {
        server.close();
        connections.close();
      };
      return { stranger, close };
    }
    if (attempt === ATTEMPTS) throw new AgentRunning();
  }
}

/** False: the name is taken. */
async function listens(server: Server, name: string): Promise<boolean> {
  return await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(name, () => {
      server.on('error', () => {}); // accept(2) failed; the next connection may succeed
      resolve(true);
    });
  });
}

/** Users who may ask are near. */
function peerOf(socket: Socket): Peer {
  const user = peerUser(socket);
  return { isNear: isTrustedUser(user), source: String(user) };
}

const DENIED = `${JSON.stringify({
  code: 'KNAT_AGENT_DENIED',
  message: 'the agent answers only root and its own user',
  details: [],
})}\n`;
