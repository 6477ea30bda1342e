import type { TraceQuestion } from '../../src/forms/questions.ts';
import type { TraceLine, TracePacket } from '../../src/forms/trace.ts';
import { agentPieces, linesOf } from '../../src/observe/client.ts';

/** A trace that an agent of this namespace runs. */
export class RunningTrace {
  readonly lines: TraceLine[] = [];
  /** Rejects with the agent's refusal. */
  readonly ended: Promise<readonly TraceLine[]>;
  readonly #pieces: AsyncGenerator<Uint8Array>;

  private constructor(question: TraceQuestion) {
    this.#pieces = agentPieces('/trace', question);
    this.ended = this.#read();
    this.ended.catch(() => {});
  }

  /** Begins, and waits until tracing is on. Throws the agent's refusal. */
  static async begin(question: TraceQuestion): Promise<RunningTrace> {
    const trace = new RunningTrace(question);
    await Promise.race([trace.until((line) => line.event === 'started'), trace.ended]);
    return trace;
  }

  get packets(): TracePacket[] {
    return this.lines.flatMap((line) => (line.event === 'packet' ? [line.packet] : []));
  }

  /** Waits for such a line, at most 20 s. */
  async until(isWanted: (line: TraceLine) => boolean): Promise<TraceLine> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const found = this.lines.find(isWanted);
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`not told: ${JSON.stringify(this.lines)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The next packet of this number, from 1 on. */
  async packet(number = 1): Promise<TracePacket> {
    const line = await this.until((one) => one.event === 'packet' && one.packet.number === number);
    if (line.event !== 'packet') throw new Error('no packet');
    return line.packet;
  }

  /** As a reader that goes away. */
  async leave(): Promise<void> {
    await this.#pieces.return(undefined);
    await this.ended.catch(() => {});
  }

  async #read(): Promise<readonly TraceLine[]> {
    for await (const lines of linesOf(this.#pieces)) {
      for (const line of lines) this.lines.push(JSON.parse(line));
    }
    return this.lines;
  }
}
