import { formatEndpoint } from '../../net/address.ts';
import type { FlowView } from '../../wire/conntrack/flow-view.ts';
import { sourceNow } from '../judge.ts';
import type { Names } from '../names.ts';
import { protocolName } from '../protocol-names.ts';
import { type FlowLine, formatLine } from './line.ts';
import type { AttributionStore } from './store.ts';

export interface RecorderParts {
  readonly store: AttributionStore;
  /** Which pod or node has which address at this moment. */
  names(): Names;
  wallClock(): Date;
  everyFlow(visit: (flow: FlowView) => void): Promise<void>;
}

/** Lines are passed to the store in batches of this many characters; `flush` passes the rest. */
const TOGETHER = 64 * 1024;

/**
 * Writes the attribution log from conntrack events: one line when a flow with a translated source begins, one when it
 * ends. Gaps are recorded: at the start, after lost events, and when the store lost lines.
 */
export class AttributionRecorder {
  readonly #parts: RecorderParts;
  #lines: string[] = [];
  #length = 0;
  #telling: Promise<void> | null = null;
  #tellAgain = false;
  #rotations = 0;
  /** Characters written by the last `#tellAll`, and since: full listings must stay the smaller part of the log. */
  #toldLength = 0;
  #lengthSince = 0;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Call it when events are already being received, so that no flow is missed. */
  async start(): Promise<void> {
    await this.#afterGap('the agent was not there');
  }

  began(flow: FlowView): void {
    this.#write('new', flow);
  }

  ended(flow: FlowView): void {
    this.#write('end', flow);
  }

  async lost(): Promise<void> {
    await this.#afterGap('the kernel had more events than could be taken');
  }

  /** Passes waiting lines to the store; call it regularly. Returns why lines were lost since the last call, or null. */
  async flush(): Promise<string | null> {
    this.#handOver();
    const { store } = this.#parts;
    const trouble = store.takeTrouble();
    if (trouble !== null) await this.#afterGap(`the log could not be written: ${trouble}`);
    const isRotated = store.rotations !== this.#rotations;
    this.#rotations = store.rotations;
    if (isRotated && this.#lengthSince > 2 * this.#toldLength) await this.#tellAll();
    return trouble;
  }

  /** Records that nothing is missing up to now; call it from time to time and at the end. */
  alive(): void {
    this.#add(formatLine({ t: this.#now(), e: 'alive' }));
  }

  async #afterGap(why: string): Promise<void> {
    this.#add(formatLine({ t: this.#now(), e: 'gap', why }));
    await this.#tellAll();
  }

  /** One reading at a time; calls during a reading cause one more. */
  async #tellAll(): Promise<void> {
    if (this.#telling !== null) {
      this.#tellAgain = true;
      return await this.#telling;
    }
    this.#telling = (async () => {
      do {
        this.#tellAgain = false;
        this.#lengthSince = 0;
        await this.#parts.everyFlow((flow) => this.#write('seen', flow));
      } while (this.#tellAgain);
      this.#add(formatLine({ t: this.#now(), e: 'whole' }));
      this.#toldLength = this.#lengthSince;
      this.#lengthSince = 0;
      this.#handOver();
    })();
    try {
      await this.#telling;
    } finally {
      this.#telling = null;
    }
  }

  #write(what: FlowLine['e'], flow: FlowView): void {
    if (sourceNow(flow) === null) return;
    const { original, reply } = flow;
    this.#add(
      formatLine({
        t: this.#now(),
        e: what,
        p: protocolName(flow.protocol),
        a: formatEndpoint(reply.dst, original.icmp === null ? reply.dport : (reply.icmp?.id ?? 0)),
        d: formatEndpoint(reply.src, reply.sport),
        s: formatEndpoint(original.src, original.icmp?.id ?? original.sport),
        n: this.#parts.names().of(original.src),
      }),
    );
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    this.#lengthSince += line.length;
    if (this.#length >= TOGETHER) this.#handOver();
  }

  #handOver(): void {
    if (this.#length === 0) return;
    this.#parts.store.append(this.#lines.join(''));
    this.#lines = [];
    this.#length = 0;
  }

  #now(): string {
    return this.#parts.wallClock().toISOString();
  }
}
