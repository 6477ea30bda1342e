import { BoundedMap } from '../base/bounded-map.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { printable, printableJson } from '../model/printable.ts';
import { type IpAddress, isIpv6 } from '../net/address.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView, TupleView } from '../wire/conntrack/flow-view.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { Judgement, SourceNat } from './judge.ts';
import type { Names } from './names.ts';
import { protocolName } from './protocol-names.ts';
import { hasPorts } from './report.ts';
import { TextBytes } from './text-bytes.ts';

/** `ndjson`: `FlowReport` as JSON. `tsv`: the cells of `FLOW_COLUMNS` with tabs between them. A flow a line in both. */
export type FlowFormat = 'ndjson' | 'tsv';

/** What the cells of a line of `tsv` are. docs/flows.md says more. */
export const FLOW_COLUMNS: readonly string[] = [
  ...['PROTO', 'FROM', 'TO', 'ANSWERED BY', 'LEAVES AS', 'BY', 'EXPIRES', 'BYTES', 'NOTE'],
];

/**
 * Writes flows as lines, straight from what the kernel sent: a listing of hundreds of thousands spends most of its time
 * on this. The lines of `ndjson` are byte for byte what `printableJson` gives for a
 * FlowReport.
 */
export class FlowLines {
  readonly #format: FlowFormat;
  readonly #names: Names | null;
  /** Milliseconds since the epoch. */
  readonly #now: number;
  readonly #bytes = new TextBytes();
  /** As a terminal may see them. */
  readonly #printed = new BoundedMap<string, string>(REMEMBERED);
  readonly #quoted = new BoundedMap<string, string>(REMEMBERED);
  readonly #refs = new BoundedMap<ObjectRef, string>(REMEMBERED);

  constructor(format: FlowFormat, names: Names | null, now: number) {
    this.#format = format;
    this.#names = names;
    this.#now = now;
  }

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#bytes.length;
  }

  take(): Uint8Array {
    return this.#bytes.take();
  }

  add(flow: FlowView, judgement: Judgement): void {
    if (this.#format === 'ndjson') this.#json(flow, judgement);
    else this.#cells(flow, judgement);
    this.#bytes.text('\n');
  }

  /** A line of a watch: what became of the flow. */
  addEvent(event: ConntrackEventKind, flow: FlowView, judgement: Judgement): void {
    const bytes = this.#bytes;
    if (this.#format === 'tsv') {
      bytes.text(`${event}\t`);
      this.#cells(flow, judgement);
    } else {
      bytes.text(`{"event":"${event}","flow":`);
      this.#json(flow, judgement);
      bytes.text('}');
    }
    bytes.text('\n');
  }

  /** A line of a watch: events came faster than they could be taken. */
  addLost(): void {
    this.addText(this.#format === 'tsv' ? 'lost' : '{"event":"lost"}');
  }

  /** A line of its own; `text` holds no line break. */
  addText(text: string): void {
    this.#bytes.text(`${text}\n`);
  }

  #json(flow: FlowView, { destination, source, stale }: Judgement): void {
    const bytes = this.#bytes;
    const { original, reply, startedAt } = flow;
    const withPorts = hasPorts(flow);
    bytes.text('{"protocol":"');
    bytes.text(protocolName(flow.protocol));
    bytes.text('","original":');
    this.#direction(original, withPorts);
    bytes.text(',"reply":');
    this.#direction(reply, withPorts);
    bytes.text(',"from":');
    this.#quote(this.#names?.of(original.src) ?? null);
    bytes.text(',"to":');
    this.#quote(this.#names?.of(reply.src) ?? null);
    bytes.text(',"destinationNat":');
    if (destination === null) bytes.text('null');
    else {
      this.#nat(destination);
      bytes.text(',"frontend":"');
      bytes.text(destination.frontend);
      bytes.text('","endpoint":"');
      this.#place(reply.src, reply.sport, withPorts);
      bytes.text('"}');
    }
    bytes.text(',"sourceNat":');
    if (source === null) bytes.text('null');
    else {
      this.#nat(source);
      bytes.text(',"address":"');
      this.#place(reply.dst, reply.dport, withPorts);
      bytes.text('"}');
    }
    bytes.text(',"stale":');
    this.#quote(stale);
    bytes.text((flow.status & conntrackStatus.IPS_SEEN_REPLY) === 0 ? ',"replied":false' : ',"replied":true');
    bytes.text(',"ageSeconds":');
    this.#number(startedAt === null ? null : Math.max(0, Math.round((this.#now - startedAt) / 1000)));
    bytes.text(',"timeoutSeconds":');
    this.#number(flow.timeoutSeconds);
    bytes.text(',"packets":');
    this.#number(flow.counted ? flow.packets : null);
    bytes.text(',"bytes":');
    this.#number(flow.counted ? flow.bytes : null);
    bytes.text(',"id":');
    bytes.number(flow.id);
    bytes.text(',"zone":');
    bytes.number(flow.zone);
    bytes.text('}');
  }

  #cells(flow: FlowView, { destination, source, stale }: Judgement): void {
    const bytes = this.#bytes;
    const { original, reply } = flow;
    const withPorts = hasPorts(flow);
    const answers = this.#names?.of(reply.src) ?? null;
    bytes.text(protocolName(flow.protocol));
    bytes.text('\t');
    this.#place(original.src, original.sport, withPorts);
    this.#named(this.#names?.of(original.src) ?? null);
    bytes.text('\t');
    this.#place(original.dst, original.dport, withPorts);
    bytes.text('\t');
    if (destination !== null || answers !== null) {
      this.#place(reply.src, reply.sport, withPorts);
      this.#named(answers);
    }
    bytes.text('\t');
    if (source !== null) this.#place(reply.dst, reply.dport, withPorts);
    bytes.text('\t');
    if (destination !== null) this.#shown(this.#by(destination));
    if (destination !== null && source !== null) bytes.text(', ');
    if (source !== null) this.#shown(this.#by(source));
    bytes.text('\t');
    if (flow.timeoutSeconds !== null) {
      bytes.number(flow.timeoutSeconds);
      bytes.text(' s');
    }
    bytes.text('\t');
    if (flow.counted) bytes.number(flow.bytes);
    bytes.text('\t');
    if (stale !== null) this.#shown(`stale: ${stale}`);
    else if ((flow.status & conntrackStatus.IPS_SEEN_REPLY) === 0) bytes.text('no reply yet');
  }

  #named(name: string | null): void {
    if (name === null) return;
    this.#bytes.text(' ');
    this.#shown(name);
  }

  /** What others may have named: a line stays a line, a cell a cell. */
  #shown(text: string): void {
    this.#bytes.text(remembered(this.#printed, text, printable));
  }

  #direction({ src, sport, dst, dport }: TupleView, withPorts: boolean): void {
    this.#bytes.text('{"source":"');
    this.#place(src, sport, withPorts);
    this.#bytes.text('","destination":"');
    this.#place(dst, dport, withPorts);
    this.#bytes.text('"}');
  }

  /** As `formatEndpoint`. */
  #place(address: IpAddress, port: number, withPorts: boolean): void {
    const bytes = this.#bytes;
    if (!withPorts) {
      bytes.text(address);
      return;
    }
    const bracketed = isIpv6(address);
    if (bracketed) bytes.text('[');
    bytes.text(address);
    bytes.text(bracketed ? ']:' : ':');
    bytes.number(port);
  }

  /** The beginning of a `NatReport`. */
  #nat({ kind, object }: SourceNat): void {
    this.#bytes.text('{"kind":"');
    this.#bytes.text(kind);
    this.#bytes.text('","object":');
    this.#quote(object === null ? null : this.#ref(object));
  }

  #by({ kind, object }: SourceNat): string {
    return object === null ? kind : this.#ref(object);
  }

  #ref(object: ObjectRef): string {
    return remembered(this.#refs, object, formatRef);
  }

  #quote(text: string | null): void {
    this.#bytes.text(text === null ? 'null' : remembered(this.#quoted, text, quoted));
  }

  #number(value: number | null): void {
    if (value === null) this.#bytes.text('null');
    else this.#bytes.number(value);
  }
}

/** What is remembered at most. */
const REMEMBERED = 4096;

function remembered<Key>(known: Map<Key, string>, key: Key, make: (key: Key) => string): string {
  let text = known.get(key);
  if (text === undefined) {
    text = make(key);
    known.set(key, text);
  }
  return text;
}

function quoted(text: string): string {
  return printableJson(JSON.stringify(text));
}
