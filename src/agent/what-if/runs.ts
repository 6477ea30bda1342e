import { type ChildProcess, spawn } from 'node:child_process';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import { FACT_KINDS, type FactChange, type FactKind } from '../../model/facts.ts';
import type { PodNatOptions } from '../../sources/objects/metadata.ts';
import type { AgentFacts } from '../companion.ts';
import { giveWay, heapBeside, SMALLEST_PROCESS } from '../side-process.ts';
import { WhatIfBusy, WhatIfFailed, WhatIfUnanswered } from './errors.ts';
import { FirstLine } from './first-line.ts';
import type { AnswerShape, WhatIfMessage, WhatIfOutcome } from './messages.ts';

/** How the agent starts a process of its own program. */
export interface OwnProgram {
  /** The script: Node.js runs it under the name `knat-what-if`. */
  readonly script: string;
  readonly podNat: PodNatOptions;
}

/** Milliseconds from the question to the end of the answer. Clients wait for 30 s. */
const LONGEST = limits['what-if-time'].most;
/** Facts in one message: writing them takes the agent about a millisecond, and NAT goes on between two messages. */
const FACTS_AT_ONCE = 200;
const MEBIBYTE = 1 << 20;
/** Heap of the process, in MiB. */
const LARGEST_HEAP = 1024;
/** Bytes of heap that a class may take, with the state of the cluster beside it. */
const HEAP_OF_CLASS = 4096;

/** An answer under way. */
export interface WhatIfRun {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Ends the process if it still runs, and gives the place to the next question. */
  end(): void;
}

/**
 * Answers what-if in a process of its own, one at a time: the loop of NAT neither computes nor holds anything of it. The
 * process has a lower priority, is the first that the kernel ends if memory is short, and ends with the agent.
 */
export class WhatIfRuns {
  readonly #agent: AgentFacts;
  readonly #program: OwnProgram;
  #running = 0;

  constructor(agent: AgentFacts, program: OwnProgram) {
    this.#agent = agent;
    this.#program = program;
  }

  /**
   * Throws WhatIfBusy, WhatIfUnanswered, and WhatIfFailed with what the process says.
   * @param question as it was posted
   * @param signal the client went away
   */
  async run(shape: AnswerShape, question: Uint8Array, signal: AbortSignal): Promise<WhatIfRun> {
    if (this.#running >= limits['what-if-processes'].most) {
      limitReached('what-if-processes');
      throw new WhatIfBusy();
    }
    if (signal.aborted) throw new WhatIfUnanswered('the client went away');
    this.#running++;
    let child: ChildProcess | null = null;
    let isLate = false;
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (child?.exitCode === null) child.kill('SIGKILL');
      child = null;
      if (!isOver) this.#running--;
      isOver = true;
    };
    let isOver = false;
    const timer = setTimeout(() => {
      isLate = true;
      limitReached('what-if-time');
      end();
    }, LONGEST);
    signal.addEventListener('abort', end);
    try {
      const heap = heapLeft();
      child = this.#start(heap);
      const output = new FirstLine(child);
      // A process that has ended takes no facts; its output says why.
      const fed = this.#feed(child, shape, question, heap).then(
        () => null,
        (error: unknown) => error,
      );
      const failed = fed.then((error) =>
        error === null || isEnded(error) ? new Promise<never>(() => {}) : Promise.reject(error),
      );
      const line = await Promise.race([output.line, failed]);
      if (line === null) throw new WhatIfUnanswered(isLate ? tooLong() : await endOf(output, heap));
      const { failure } = JSON.parse(line) as WhatIfOutcome;
      if (failure !== null) throw new WhatIfFailed(failure);
      return { pieces: output.rest(), end };
    } catch (error) {
      end();
      throw error;
    }
  }

  #start(heap: number): ChildProcess {
    const flags = [
      '--title=knat-what-if',
      '--v8-pool-size=1',
      `--max-old-space-size=${heap}`,
      '--max-semi-space-size=8',
    ];
    const child = spawn(process.execPath, [...flags, this.#program.script], {
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
      serialization: 'advanced',
      env: {},
    });
    child.on('error', () => {}); // the output ends, too
    if (child.pid !== undefined) giveWay(child.pid);
    return child;
  }

  async #feed(child: ChildProcess, shape: AnswerShape, question: Uint8Array, heap: number): Promise<void> {
    const { settings, planner } = this.#agent;
    const { interfaces, taken } = this.#agent.host();
    const send = (message: WhatIfMessage) =>
      new Promise<void>((resolve, reject) => {
        child.send(message, (error) => (error === null ? resolve() : reject(error)));
      });
    // The state of one moment, although it is sent in pieces.
    const facts = FACT_KINDS.map((kind) => [kind, [...planner.facts.of(kind)]] as const);
    const { nodeName, nodeConfig, plan: options } = settings;
    const mostClasses = Math.floor((heap * MEBIBYTE) / HEAP_OF_CLASS);
    const { podNat } = this.#program;
    const about = {
      nodeName,
      nodeConfig,
      options,
      podNat,
      interfaces,
      host: taken,
      shape,
      question,
      mostClasses,
    };
    await send({ kind: 'start', ...about });
    for (const [kind, all] of facts) {
      for (let begin = 0; begin < all.length; begin += FACTS_AT_ONCE) {
        await send({ kind: 'facts', changes: changesOf(kind, all.slice(begin, begin + FACTS_AT_ONCE)) });
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
    await send({ kind: 'end' });
  }
}

function changesOf(kind: FactKind, facts: readonly (readonly [string, unknown])[]): readonly FactChange[] {
  return facts.map(([key, fact]) => ({ kind, key, fact }) as FactChange);
}

/** MiB; throws WhatIfUnanswered. */
function heapLeft(): number {
  const heap = heapBeside(LARGEST_HEAP);
  if (heap !== null) return heap;
  throw new WhatIfUnanswered(`it needs a process of ${SMALLEST_PROCESS} MiB, and less is left`);
}

/** A message was not sent because the process has ended. */
function isEnded(error: unknown): boolean {
  const { code = '' } = error as { readonly code?: string };
  return ['EPIPE', 'ECONNRESET', 'ERR_IPC_CHANNEL_CLOSED', 'ERR_IPC_DISCONNECTED'].includes(code);
}

function tooLong(): string {
  return `it took more than ${LONGEST / 1000} s: ask about a part of the change, or run knat what-if with a source`;
}

async function endOf(output: FirstLine, heap: number): Promise<string> {
  const { status, signal } = await output.ended;
  const how = signal === null ? `status ${status}` : signal;
  return `its process ended with ${how}, perhaps for lack of memory (${heap} MiB): run knat what-if with a source`;
}
