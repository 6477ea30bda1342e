import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { FlowLines } from './flow-lines.ts';
import type { Judgement } from './judge.ts';

/** Events that wait for a reader. What it does not take in time is lost, and it is told. */
export class WaitingEvents {
  readonly #lines: FlowLines;
  #isLost = false;

  constructor(lines: FlowLines) {
    this.#lines = lines;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0 && !this.#isLost;
  }

  add(type: ConntrackEventKind, flow: FlowView, judgement: Judgement): void {
    if (this.#lines.length < limits['flow-events'].most) this.#lines.addEvent(type, flow, judgement);
    else if (!this.#isLost) {
      limitReached('flow-events');
      this.#isLost = true;
    }
  }

  /** The kernel lost some. */
  lose(): void {
    this.#isLost = true;
  }

  take(): Uint8Array {
    if (this.#isLost) this.#lines.addLost();
    this.#isLost = false;
    return this.#lines.take();
  }
}
