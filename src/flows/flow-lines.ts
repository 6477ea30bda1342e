import { BoundedMap } from '../base/bounded-map.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { printableJson } from '../model/printable.ts';
import { formatEndpoint, type IpAddress } from '../net/address.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { Judgement, SourceNat } from './judge.ts';
import type { Names } from './names.ts';
import { hasPorts, protocolName } from './protocol-names.ts';

/** Writes flows as JSON lines straight from the kernel's bytes, identical to `printableJson` of a FlowReport. */
export class FlowLines {
  readonly #names: Names | null;
  /** Milliseconds since the epoch. */
  readonly #now: number;
  #bytes = Buffer.allocUnsafe(128 * 1024);
  #length = 0;
  readonly #quoted = new BoundedMap<string, string>(REMEMBERED);
  readonly #refs = new BoundedMap<ObjectRef, string>(REMEMBERED);

  constructor(names: Names | null, now: number) {
    this.#names = names;
    this.#now = now;
  }

  /** Bytes that were not taken yet. */
  get length(): number {
    return this.#length;
  }

  /** The lines since the last call, as UTF-8. */
  take(): Uint8Array {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  add(flow: FlowView, judgement: Judgement): void {
    this.addText(this.#json(flow, judgement));
  }

  /** A line of a watch: an event of the flow. */
  addEvent(event: ConntrackEventKind, flow: FlowView, judgement: Judgement): void {
    this.addText(`{"event":"${event}","flow":${this.#json(flow, judgement)}}`);
  }

  /** A line of a watch: events arrived faster than they could be read. */
  addLost(): void {
    this.addText('{"event":"lost"}');
  }

  /** A line of its own; `text` holds no line break. */
  addText(text: string): void {
    const line = `${text}\n`;
    const needed = this.#length + line.length * 3; // no UTF-16 unit becomes more than three bytes of UTF-8
    if (needed > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], needed * 2);
    this.#length += this.#bytes.write(line, this.#length);
  }

  #json(flow: FlowView, { destination, source, stale }: Judgement): string {
    const { original, reply, startedAt, counted } = flow;
    const place = hasPorts(flow) ? formatEndpoint : addressAlone;
    const from = place(original.src, original.sport);
    const dialled = place(original.dst, original.dport);
    const endpoint = place(reply.src, reply.sport);
    const leaving = place(reply.dst, reply.dport);
    const age = startedAt === null ? null : Math.max(0, Math.round((this.#now - startedAt) / 1000));
    const isReplied = (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0;
    const destinationNat =
      destination === null
        ? null
        : `${this.#nat(destination)},"frontend":"${destination.frontend}","endpoint":"${endpoint}"}`;
    const sourceNat = source === null ? null : `${this.#nat(source)},"address":"${leaving}"}`;
    return (
      `{"protocol":"${protocolName(flow.protocol)}",` +
      `"original":{"source":"${from}","destination":"${dialled}"},` +
      `"reply":{"source":"${endpoint}","destination":"${leaving}"},` +
      `"from":${this.#name(original.src)},"to":${this.#name(reply.src)},` +
      `"destinationNat":${destinationNat},"sourceNat":${sourceNat},"stale":${this.#quote(stale)},` +
      `"replied":${isReplied},"ageSeconds":${age},"timeoutSeconds":${flow.timeoutSeconds},` +
      `"packets":${counted ? flow.packets : null},"bytes":${counted ? flow.bytes : null},` +
      `"id":${flow.id},"zone":${flow.zone}}`
    );
  }

  /** The start of an object, without its end. */
  #nat({ kind, object }: SourceNat): string {
    const ref = object === null ? null : remembered(this.#refs, object, formatRef);
    return `{"kind":"${kind}","object":${this.#quote(ref)}`;
  }

  #name(address: IpAddress): string {
    return this.#quote(this.#names?.of(address) ?? null);
  }

  #quote(text: string | null): string {
    return text === null ? 'null' : remembered(this.#quoted, text, quoted);
  }
}

function addressAlone(address: IpAddress): string {
  return address;
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
