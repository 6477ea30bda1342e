import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../../src/lab/host.ts';

const PROGRAM = fileURLToPath(new URL('server.js', import.meta.url));

/** A message, and who brought it. */
export interface Received {
  readonly port: number;
  /** Address that the server saw. */
  readonly client: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
}

/** How long a message may take from the sender's success to the server's report, in milliseconds. */
const LATE = 5_000;

/** A real SMTP server in a host; it ends with the lab. */
export class MailServer {
  readonly #messages: Received[] = [];
  #arrived: () => void = () => {};

  /** Resolves when all ports listen. */
  static async start(host: Host, ports: readonly number[]): Promise<MailServer> {
    const server = new MailServer();
    const argv = [process.execPath, PROGRAM, ...ports.map(String)];
    const child = host.spawn(argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (child.stdout === null) throw new Error('no output of the mail server');
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, 'exit').then(() => {
      throw new Error('the mail server ended');
    });
    await Promise.race([once(lines, 'line'), ended]);
    ended.catch(() => {}); // from now on by the end of the lab
    lines.on('line', (line) => {
      server.#messages.push(JSON.parse(line));
      server.#arrived();
    });
    return server;
  }

  /** The message with this subject; throws when it does not come. */
  async received(subject: string): Promise<Received> {
    const end = performance.now() + LATE;
    for (;;) {
      const found = this.#messages.find((message) => message.subject === subject);
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no mail «${subject}» arrived`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
