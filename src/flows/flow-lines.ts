import { BoundedMap } from '../base/bounded-map.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { printableJson } from '../model/printable.ts';
import { type IpAddress, isIpv6 } from '../net/address.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView, TupleView } from '../wire/conntrack/flow-view.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { Judgement, SourceNat } from './judge.ts';
import type { Names } from './names.ts';
import { hasPorts, protocolName } from './protocol-names.ts';
import { TextBytes } from './text-bytes.ts';

/**
 * Writes flows as lines, straight from what the kernel sent: a listing of hundreds of thousands spends most of its time
 * on this. The lines are byte for byte what `printableJson` gives for a
 * FlowReport.
 */
export class FlowLines {
  readonly #names: Names | null;
  /** Milliseconds since the epoch. */
  readonly #now: number;
  readonly #bytes = new TextBytes();
  readonly #quoted = new BoundedMap<string, string>(REMEMBERED);
  readonly #refs = new BoundedMap<ObjectRef, string>(REMEMBERED);

  constructor(names: Names | null, now: number) {
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
    this.#json(flow, judgement);
    this.#bytes.text('\n');
  }

  /** A line of a watch: what became of the flow. */
  addEvent(event: ConntrackEventKind, flow: FlowView, judgement: Judgement): void {
    const bytes = this.#bytes;
    bytes.text(`{"event":"${event}","flow":`);
    this.#json(flow, judgement);
    bytes.text('}\n');
  }

  /** A line of a watch: events came faster than they could be taken. */
  addLost(): void {
    this.addText('{"event":"lost"}');
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

  #nat({ kind, object }: SourceNat): void {
    this.#bytes.text('{"kind":"');
    this.#bytes.text(kind);
    this.#bytes.text('","object":');
    this.#quote(object === null ? null : this.#ref(object));
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
