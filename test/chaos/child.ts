import type { ChildProcess } from 'node:child_process';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions to a child process with a channel, each with its own answer: `{id, …}` → `{id, value}` or `{id, error}`. */
export class Child<Request extends object> {
  readonly process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | null = null;

  constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.process = process;
    process.on('message', (message) =>
      this.#receive(message as { id: number; value?: unknown; error?: string }),
    );
    process.once('error', (error) => this.#end(error.message));
    process.once('exit', (status, signal) => this.#end(`ended with ${signal ?? `status ${status}`}`));
  }

  ask(request: Request): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.send({ ...request, id });
    });
  }

  /** Ends the process and waits until it is gone. */
  async close(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await gone;
  }

  #receive({ id, value, error }: { id: number; value?: unknown; error?: string }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  #end(why: string): void {
    this.#ended ??= new Error(`${this.#name}: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
