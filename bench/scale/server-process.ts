import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeTheEnd } from '../../src/lab/ending.ts';
import type { Host } from '../../src/lab/host.ts';
import type { ChangesDone, ServerAnswer, ServerQuestion, ServerReady, Truth } from './messages.ts';

const PROGRAM = fileURLToPath(new URL('server.js', import.meta.url));
/** The objects of the largest case, as the simulator keeps them. */
const MEMORY = '--max-old-space-size=8192';

/** The API server, in a process of its own on this host. */
export class Server {
  readonly #child: ChildProcess;
  readonly #answers: ServerAnswer[] = [];
  readonly #callOff: () => void;
  #wake: () => void = () => {};
  #ended: string | null = null;
  #folder = '';

  constructor(host: Host, name: string) {
    const argv = [process.execPath, MEMORY, PROGRAM, name];
    this.#child = host.spawn(argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: ServerAnswer) => {
      this.#answers.push(answer);
      this.#wake();
    });
    this.#child.once('exit', (status) => {
      this.#ended = `the API server ended with ${status}`;
      this.#wake();
    });
    this.#callOff = beforeTheEnd(() => this.#removeFolder());
  }

  async ready(signal: AbortSignal): Promise<ServerReady> {
    const answer = await this.#next(signal);
    if (!('ready' in answer)) throw new Error('the API server is not ready');
    this.#folder = answer.ready.folder;
    return answer.ready;
  }

  async change(signal: AbortSignal): Promise<ChangesDone> {
    const answer = await this.#ask('change', signal);
    if (!('done' in answer)) throw new Error('the API server changed nothing');
    return answer.done;
  }

  async truth(signal: AbortSignal): Promise<Truth> {
    const answer = await this.#ask('truth', signal);
    if (!('truth' in answer)) throw new Error('the API server does not know what it has');
    return answer.truth;
  }

  close(): void {
    this.#callOff();
    this.#child.kill('SIGKILL');
    this.#removeFolder();
  }

  #removeFolder(): void {
    if (this.#folder !== '') rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ask(question: ServerQuestion, signal: AbortSignal): Promise<ServerAnswer> {
    this.#child.send(question);
    return await this.#next(signal);
  }

  async #next(signal: AbortSignal): Promise<ServerAnswer> {
    signal.addEventListener('abort', () => this.#wake());
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      signal.throwIfAborted();
      if (this.#ended !== null) throw new Error(this.#ended);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
