import { BoundedMap } from '../base/bounded-map.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { printableJson } from '../model/printable.ts';
import { type IpAddress, isIpv6 } from '../net/address.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView, TupleView } from '../wire/conntrack/flow-view.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { Judgement, SourceNat } from './judge.ts';
import { LineBuffer } from './line-buffer.ts';
import type { Names } from './names.ts';
import { hasPorts, protocolName } from './protocol-names.ts';

/** Writes flows as JSON lines straight from the kernel's bytes, identical to `printableJson` of a FlowReport. */
export class FlowLines {
  readonly #names: Names | null;
  /** Milliseconds since the epoch. */
  readonly #now: number;
  readonly #out = new LineBuffer();
  readonly #quoted = new BoundedMap<string, Uint8Array>(REMEMBERED);
  readonly #refs = new BoundedMap<ObjectRef, Uint8Array>(REMEMBERED);

  constructor(names: Names | null, now: number) {
    this.#names = names;
    this.#now = now;
  }

  /** Bytes that were not taken yet. */
  get length(): number {
    return this.#out.length;
  }

  /** The lines since the last call, as UTF-8. */
  take(): Uint8Array {
    return this.#out.take();
  }

  add(flow: FlowView, judgement: Judgement): void {
    this.#json(flow, judgement);
    this.#out.endLine();
  }

  /** A line of a watch: an event of the flow. */
  addEvent(event: ConntrackEventKind, flow: FlowView, judgement: Judgement): void {
    this.#out.ascii('{"event":"').ascii(event).ascii('","flow":');
    this.#json(flow, judgement);
    this.#out.ascii('}').endLine();
  }

  /** A line of a watch: events arrived faster than they could be read. */
  addLost(): void {
    this.addText('{"event":"lost"}');
  }

  /** A line of its own; `text` holds no line break. */
  addText(text: string): void {
    this.#out.utf8(Buffer.from(text)).endLine();
  }

  #json(flow: FlowView, { destination, source, stale }: Judgement): void {
    const { original, reply, startedAt, counted } = flow;
    const age = startedAt === null ? null : Math.max(0, Math.round((this.#now - startedAt) / 1000));
    const isReplied = (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0;
    const withPorts = hasPorts(flow);
    const out = this.#out;
    out.ascii('{"protocol":"').ascii(protocolName(flow.protocol));
    this.#ends('","original":{"source":"', original, withPorts);
    this.#ends('"},"reply":{"source":"', reply, withPorts);
    out.ascii('"},"from":').utf8(this.#name(original.src));
    out.ascii(',"to":').utf8(this.#name(reply.src));
    out.ascii(',"destinationNat":');
    if (destination === null) out.ascii('null');
    else {
      this.#nat(destination);
      out.ascii(',"frontend":"').ascii(destination.frontend).ascii('","endpoint":"');
      this.#place(reply.src, reply.sport, withPorts);
      out.ascii('"}');
    }
    out.ascii(',"sourceNat":');
    if (source === null) out.ascii('null');
    else {
      this.#nat(source);
      out.ascii(',"address":"');
      this.#place(reply.dst, reply.dport, withPorts);
      out.ascii('"}');
    }
    out.ascii(',"stale":').utf8(this.#quote(stale));
    out.ascii(isReplied ? ',"replied":true' : ',"replied":false');
    out.ascii(',"ageSeconds":').number(age).ascii(',"timeoutSeconds":').number(flow.timeoutSeconds);
    out.ascii(',"packets":').number(counted ? flow.packets : null);
    out.ascii(',"bytes":').number(counted ? flow.bytes : null);
    out.ascii(',"id":').number(flow.id).ascii(',"zone":').number(flow.zone).ascii('}');
  }

  #ends(before: string, { src, sport, dst, dport }: TupleView, withPorts: boolean): void {
    this.#out.ascii(before);
    this.#place(src, sport, withPorts);
    this.#out.ascii('","destination":"');
    this.#place(dst, dport, withPorts);
  }

  /** As `formatEndpoint`; the address alone where there are no ports. */
  #place(address: IpAddress, port: number, withPorts: boolean): void {
    const out = this.#out;
    if (!withPorts) out.ascii(address);
    else if (isIpv6(address)) out.ascii('[').ascii(address).ascii(']:').number(port);
    else out.ascii(address).ascii(':').number(port);
  }

  /** The start of an object, without its end. */
  #nat({ kind, object }: SourceNat): void {
    this.#out.ascii('{"kind":"').ascii(kind).ascii('","object":');
    this.#out.utf8(object === null ? NULL : remembered(this.#refs, object, quotedRef));
  }

  #name(address: IpAddress): Uint8Array {
    return this.#quote(this.#names?.of(address) ?? null);
  }

  #quote(text: string | null): Uint8Array {
    return text === null ? NULL : remembered(this.#quoted, text, quoted);
  }
}

const NULL = Buffer.from('null');

/** What is remembered at most. */
const REMEMBERED = 4096;

function remembered<Key>(known: Map<Key, Uint8Array>, key: Key, make: (key: Key) => Uint8Array): Uint8Array {
  let bytes = known.get(key);
  if (bytes === undefined) {
    bytes = make(key);
    known.set(key, bytes);
  }
  return bytes;
}

function quotedRef(object: ObjectRef): Uint8Array {
  return quoted(formatRef(object));
}

/** A string of JSON, as UTF-8. */
function quoted(text: string): Uint8Array {
  return Buffer.from(printableJson(JSON.stringify(text)));
}
