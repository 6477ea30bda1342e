import { fileURLToPath } from 'node:url';
import type { Host } from '../../../src/lab/host.ts';
import type { Stage } from '../../netns/stage.ts';
import { Child } from '../child.ts';
import { heldWays, keepers, listeners } from '../scene.ts';
import type { DialEnd, TalkerReplies, TalkerRequest, Way } from './talker-messages.ts';

const PROGRAM = fileURLToPath(new URL('./talker.js', import.meta.url));
/** Milliseconds between two messages of a held connection. */
const MESSAGE_EVERY = 250;
/** Milliseconds between two new connections of a host. */
const DIAL_EVERY = 80;
/** Milliseconds until a dial counts as lost: long, for a busy machine. */
const LOST_AFTER = 5000;
/** Milliseconds for an answer over a held connection: TCP repeats a segment later and later. */
const ANSWER_WITHIN = 15_000;

/** Real connections all the time: held ones of every kind of NAT, and new ones. */
export class Traffic {
  readonly #stage: Stage;
  readonly #talkers: ReadonlyMap<Host, Child<TalkerRequest>>;

  static async start(stage: Stage): Promise<Traffic> {
    const hosts = new Set([...keepers, ...listeners].map(({ address }) => stage.hostOf(address)));
    const talkers = new Map(
      [...hosts].map((host) => {
        const child = host.spawn([process.execPath, PROGRAM], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        });
        return [host, new Child<TalkerRequest>(`talker on ${host.name}`, child)];
      }),
    );
    const traffic = new Traffic(stage, talkers);
    const targets = [
      ...keepers.map((target) => ({ ...target, keeps: true })),
      ...listeners.map((target) => ({ ...target, keeps: false })),
    ];
    await traffic.#each((host) => ({
      command: 'listen',
      targets: targets.filter(({ address }) => stage.hostOf(address) === host),
    }));
    return traffic;
  }

  private constructor(stage: Stage, talkers: ReadonlyMap<Host, Child<TalkerRequest>>) {
    this.#stage = stage;
    this.#talkers = talkers;
  }

  /** Opens all held connections. Rejects when one gets no answer. */
  async hold(): Promise<void> {
    await this.#each((host) => ({
      command: 'hold',
      ways: this.#from(host, heldWays),
      everyMs: MESSAGE_EVERY,
    }));
  }

  /** One message over each held connection, and one text for each that is not right. */
  async exchange(): Promise<readonly string[]> {
    return (await this.#each(() => ({ command: 'exchange', timeoutMs: ANSWER_WITHIN }))).flat();
  }

  async release(): Promise<void> {
    await this.#each(() => ({ command: 'release' }));
  }

  /** Opens these in turn from now on; an empty list ends it. */
  async dial(ways: readonly Way[]): Promise<void> {
    await this.#each((host) => ({
      command: 'dial',
      ways: this.#from(host, ways),
      everyMs: DIAL_EVERY,
      timeoutMs: LOST_AFTER,
    }));
  }

  /** The new connections that ended since the last call, and how many are under way. */
  async collect(): Promise<{ readonly ends: readonly DialEnd[]; readonly underWay: number }> {
    const all = await this.#each(() => ({ command: 'collect' as const }));
    return {
      ends: all.flatMap(({ ends }) => ends),
      underWay: all.reduce((sum, { underWay }) => sum + underWay, 0),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#talkers.values()].map((talker) => talker.close()));
  }

  #from(host: Host, ways: readonly Way[]): readonly Way[] {
    return ways.filter(({ source }) => this.#stage.hostOf(source) === host);
  }

  async #each<Request extends TalkerRequest>(
    request: (host: Host) => Request,
  ): Promise<TalkerReplies[Request['command']][]> {
    const answers = [...this.#talkers].map(([host, talker]) => talker.ask(request(host)));
    return (await Promise.all(answers)) as TalkerReplies[Request['command']][];
  }
}
