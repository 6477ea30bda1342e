import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

/**
 * A running agent's abstract Unix socket. Its name belongs to the network namespace, as the NAT does: a killed agent
 * leaves no file, and `ip netns exec NODE knat status` finds that node's agent.
 *
 * Every user can take such a name, so a client checks the listener's user, which the kernel knows. If another user has
 * the name, the agent takes a name with a random end.
 */
export const AGENT_SOCKET = '\0knat.agent';

/** Names in /proc/net/unix, also those with a random end. Node.js pads addresses with zeros, shown as @. */
const LISTED = /^@(knat\.agent(?:\.[0-9a-f]{16})?)@*$/;
/** Flags of a socket that listens: __SO_ACCEPTCON (include/uapi/linux/net.h). */
const LISTENS = '00010000';

/** A full backlog is retried ATTEMPTS times, every PAUSE milliseconds. */
const ATTEMPTS = 20;
const PAUSE = 100;
/** Milliseconds after which a full backlog is an error, EAGAIN. */
export const DIALLING = ATTEMPTS * PAUSE;

/** Unguessable. */
export function otherSocketName(): string {
  return `${AGENT_SOCKET}.${randomBytes(8).toString('hex')}`;
}

/** An untrusted user's socket with the agent's name. */
export interface Stranger {
  /** `@knat.agent` */
  readonly name: string;
  /** User id. */
  readonly user: number | null;
}

export interface AgentSearch {
  /** Null: no agent listens. */
  readonly socket: Socket | null;
  readonly strangers: readonly Stranger[];
}

/** Connects to this network namespace's agent: the socket with an agent's name on which root or our user listens. */
export async function findAgent(): Promise<AgentSearch> {
  // Loaded on demand: it brings the library that asks the kernel.
  const { isTrustedUser, peerUser } = await import('../wire/unix-peer.ts');
  const strangers: Stranger[] = [];
  for (const path of await socketNames()) {
    const socket = await dial(path);
    if (socket === null) continue;
    const user = peerUser(socket);
    if (isTrustedUser(user)) return { socket, strangers };
    socket.destroy();
    strangers.push({ name: path.replace('\0', '@'), user });
  }
  return { socket: null, strangers };
}

async function socketNames(): Promise<ReadonlySet<string>> {
  const names = new Set([AGENT_SOCKET]);
  // Num RefCount Protocol Flags Type St Inode Path
  const lines = (await readFile('/proc/self/net/unix', 'latin1').catch(() => '')).split('\n');
  for (const [, , , flags, , , , path = ''] of lines.map((line) => line.trim().split(/\s+/))) {
    const [, name] = LISTED.exec(path) ?? [];
    if (flags === LISTENS && name !== undefined) names.add(`\0${name}`);
  }
  return names;
}

/** Null: no process listens there. */
async function dial(path: string): Promise<Socket | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(path, () => {
          socket.off('error', reject);
          resolve(socket);
        });
        socket.once('error', reject);
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return null;
      if (code !== 'EAGAIN' || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
