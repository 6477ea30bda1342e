import type { Problem } from '../../model/problem.ts';
import type { SourceSink } from '../source.ts';
import { SourceError } from '../source-error.ts';
import type { Recovery } from './recovery.ts';
import { type Resource, resourceName } from './resources.ts';

/** What is wrong with whole resources, told to the sink when it changes. */
export class Troubles {
  readonly #sink: SourceSink;
  readonly #server: string;
  /** By name of the resource. */
  readonly #open = new Map<string, Recovery>();

  /** @param server URL of the API server, for messages */
  constructor(sink: SourceSink, server: string) {
    this.#sink = sink;
    this.#server = server;
  }

  /** Null: the resource is well. */
  report(resource: Resource, trouble: Recovery | null): void {
    const name = resourceName(resource);
    const before = this.#open.get(name);
    if (before?.code === trouble?.code && before?.message === trouble?.message) return;
    if (trouble === null) this.#open.delete(name);
    else this.#open.set(name, trouble);
    this.#sink.report(`kubernetes: ${name}`, trouble === null ? [] : [this.#problem(trouble)]);
  }

  /** All of it as an error; null when nothing is wrong. */
  asError(): SourceError | null {
    const [first] = this.#open.values();
    if (first === undefined) return null;
    const messages = [...this.#open.values()].map(({ message }) => message);
    return new SourceError(first.code, `${this.#server}: ${messages.join('; ')}`);
  }

  #problem({ code, message, isSpared }: Recovery): Problem {
    const origin = `kubernetes: ${this.#server}`;
    const severity = isSpared ? 'warning' : 'error';
    return { code, severity, origin, object: null, field: '', message };
  }
}
