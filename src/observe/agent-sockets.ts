import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

/**
 * Where a running agent listens: an abstract Unix socket. Its name belongs to the network namespace, as the NAT does, so
 * that no file stays behind when the agent is killed, and `ip netns exec NODE knat status` finds the agent of that node.
 *
 * Every user can take such a name. A client therefore trusts a socket by the user that listens, which the kernel knows. If
 * another user has the name, the agent takes another one, with a random end.
 */
export const AGENT_SOCKET = '\0knat.agent';

/** The same as /proc/net/unix shows it, with the ends of other names. Node.js fills the rest of an address with zeros, shown as @. */
const LISTED = /^@(knat\.agent(?:\.[0-9a-f]{16})?)@*$/;
/** Flags of a socket that listens: __SO_ACCEPTCON (include/uapi/linux/net.h). */
const LISTENS = '00010000';

/** A full backlog is tried again: ATTEMPTS times, after PAUSE milliseconds each. */
const ATTEMPTS = 20;
const PAUSE = 100;

/** A name that cannot be guessed. */
export function otherSocketName(): string {
  return `${AGENT_SOCKET}.${randomBytes(8).toString('hex')}`;
}

/** A socket with a name of the agent's that another, untrusted user holds. */
export interface Stranger {
  /** `@knat.agent` */
  readonly name: string;
  /** User id. */
  readonly user: number | null;
}

export interface AgentSearch {
  /** Connected to the agent; null where none listens. */
  readonly socket: Socket | null;
  readonly strangers: readonly Stranger[];
}

/** Connects to the agent of this network namespace: to the socket with a name of the agent's that root, or our user, listens on. */
export async function findAgent(): Promise<AgentSearch> {
  // Loaded when an agent is looked for: it brings the library that asks the kernel.
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

/** The well-known name first. */
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

/** Null: nobody listens there. */
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
