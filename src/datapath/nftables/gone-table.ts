/**
 * A table of its own, there while it is needed: connections that were taken from connection tracking because their
 * endpoint is gone. Without an entry there, the next segment of such a connection would pass as the first of a new one,
 * to another endpoint or untranslated. Here it is answered by a reset instead. docs/adr/0029-gone-endpoints.md.
 */
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import { putAddress } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { putNet16 } from '../../wire/bytes.ts';
import type { FlowTuple } from '../../wire/conntrack/entry.ts';
import { Rejected } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import {
  baseChain,
  beginsOrFitsNowhere,
  chain,
  concat,
  dynset,
  jump,
  masked,
  member,
  notrack,
  protocolIs,
  reject,
  rule,
  set,
} from './ruleset/build.ts';
import { addresses, dport, firstChunk, l4proto, sport, tcpFlags } from './ruleset/loads.ts';
import { addTable } from './ruleset/netlink.ts';
import type { TableNode } from './ruleset/nodes.ts';
import { nftFamily } from './ruleset/text.ts';
import { commentUserdata } from './ruleset/userdata.ts';

export const GONE_TABLE = 'knat_gone';
const SET = 'gone';

/** Linux gives up a connection whose segments are not acknowledged after 924 s (tcp_retries2). */
const KEPT_MS = 1_000_000;
/** Seconds for which a connection is remembered after an end of it was told: the answer may have been lost. */
const KEPT_WHEN_TOLD = 30;
/** Elements of a family, two for each connection: at most some 20 MiB, and 2 MiB of places at once. */
const MOST_GONE = 2 * limits['gone-connections'].most;

/** Before `raw` rules of others at −300 would see what we send; before our own chains (−105), which drop what is invalid. */
const UNTRACKED = -301;
const BEFORE_OURS = -106;
/** After all source translation (100). */
const AFTER_OURS = 200;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
/** Chunk types of RFC 9260. */
const INIT = 1;
const ABORT = 6;

/** A direction of a connection, as its packets arrive at this node. */
export type Direction = Pick<FlowTuple, 'src' | 'dst' | 'sport' | 'dport'>;

export interface GoneConnection {
  readonly family: Family;
  readonly protocol: number;
  readonly directions: readonly Direction[];
}

/** What is there of the table: whether a version before left another one is told by its comment. */
const COMMENT = 'ends of connections whose endpoint is gone are told; the agent of knat writes it (2)';

export function goneTable(family: Family): TableNode {
  const { saddr, daddr } = addresses[family];
  const packet = concat(saddr, daddr, l4proto, sport, dport);
  const answered = concat(daddr, saddr, l4proto, dport, sport);
  const gone = set(SET, packet, 'a direction of a connection whose endpoint is gone', {
    dynamicSize: MOST_GONE,
  });
  const told = dynset('update', gone, packet, null, KEPT_WHEN_TOLD);
  const ofUs = member(answered, gone);
  const begins = (operator: '==' | '!=') => ({
    tcp: masked(tcpFlags, SYN | ACK | RST | FIN, SYN, 'syn / fin,syn,rst,ack', operator),
    sctp: masked(firstChunk, 0xff, INIT, `${INIT}`, operator),
  });
  return {
    family,
    comment: COMMENT,
    sets: [gone],
    chains: [
      chain(
        'tell',
        'a segment of a connection that is gone: its sender is told',
        rule(protocolIs('TCP'), begins('!=').tcp, member(packet, gone), told, reject(family, 'tcp reset')),
        rule(
          protocolIs('SCTP'),
          begins('!=').sctp,
          member(packet, gone),
          told,
          reject(family, 'no protocol'),
        ),
        rule(protocolIs('TCP'), begins('==').tcp, dynset('delete', gone, packet, null)),
        rule(protocolIs('SCTP'), begins('==').sctp, dynset('delete', gone, packet, null)),
      ),
      baseChain(
        'prerouting',
        { type: 'filter', hook: 'prerouting', priority: BEFORE_OURS },
        rule(beginsOrFitsNowhere, jump('tell')),
      ),
      baseChain(
        'output',
        { type: 'filter', hook: 'output', priority: BEFORE_OURS },
        rule(beginsOrFitsNowhere, jump('tell')),
      ),
      // A new connection with the same ends is forgotten here in both directions: a segment outside of its window is no reason to reset it.
      baseChain(
        'begun',
        { type: 'filter', hook: 'postrouting', priority: AFTER_OURS },
        rule(protocolIs('TCP'), begins('==').tcp, dynset('delete', gone, answered, null)),
        rule(protocolIs('SCTP'), begins('==').sctp, dynset('delete', gone, answered, null)),
      ),
      baseChain(
        'sent',
        { type: 'filter', hook: 'output', priority: UNTRACKED },
        // What the agent sends, and resets: connection tracking would find them invalid.
        rule(protocolIs('TCP'), masked(tcpFlags, SYN | ACK, SYN | ACK, 'syn,ack / syn,ack'), ofUs, notrack),
        rule(protocolIs('TCP'), masked(tcpFlags, RST, RST, 'rst / rst'), ofUs, notrack),
        rule(protocolIs('SCTP'), masked(firstChunk, 0xff, ABORT, `${ABORT}`), ofUs, notrack),
      ),
    ],
  };
}

export interface GoneCommitter {
  /** As one transaction. */
  commitAside(batch: Batch): void;
}

/** Synchronous; throws the errors of src/wire/errors.ts. */
export class GoneTable {
  readonly #reader: NftablesConnection;
  readonly #committer: GoneCommitter;
  #isThere = false;

  /** @param reader closed by the caller */
  constructor(committer: GoneCommitter, reader: NftablesConnection) {
    this.#committer = committer;
    this.#reader = reader;
  }

  /** Throws Rejected with ENFILE when the set is full; then nothing is added. */
  add(connections: readonly GoneConnection[]): void {
    if (!this.#isThere) this.#load();
    try {
      this.#add(connections);
    } catch (error) {
      if (!hasFailed(error, 'ENOENT')) throw error;
      this.#load(); // somebody took it away
      this.#add(connections);
    }
  }

  /** How many directions are remembered; reads them all. Null: there is no table. */
  count(): number | null {
    let sum: number | null = null;
    for (const family of FAMILIES) {
      if (!this.#has(family)) continue;
      sum = (sum ?? 0) + this.#reader.elementsOfPackets(nftFamily[family], GONE_TABLE, SET).length;
    }
    return sum;
  }

  remove(): void {
    const batch = new Batch();
    for (const family of FAMILIES) if (this.#has(family)) batch.deleteTable(nftFamily[family], GONE_TABLE);
    this.#isThere = false;
    if (!batch.isEmpty) this.#committer.commitAside(batch);
  }

  #add(connections: readonly GoneConnection[]): void {
    const batch = new Batch(64 * 1024);
    for (const family of FAMILIES) {
      const elements = connections.filter((one) => one.family === family).flatMap(elementsOf);
      // The same ends may have been gone before.
      batch.addElements(nftFamily[family], GONE_TABLE, SET, elements, { exclusive: false });
    }
    if (batch.isEmpty) return;
    try {
      this.#committer.commitAside(batch);
    } catch (error) {
      if (hasFailed(error, 'ENFILE')) limitReached('gone-connections', connections.length);
      throw error;
    }
  }

  /** Makes the tables that are missing, or that another version made. */
  #load(): void {
    const batch = new Batch();
    const comment = Buffer.from(commentUserdata(COMMENT));
    for (const family of FAMILIES) {
      const there = this.#reader.tables(nftFamily[family]).find(({ name }) => name === GONE_TABLE);
      if (there !== undefined && comment.equals(there.userdata ?? new Uint8Array(0))) continue;
      if (there !== undefined) batch.deleteTable(nftFamily[family], GONE_TABLE);
      addTable(batch, goneTable(family), GONE_TABLE);
    }
    if (!batch.isEmpty) this.#committer.commitAside(batch);
    this.#isThere = true;
  }

  #has(family: Family): boolean {
    return this.#reader.tables(nftFamily[family]).some(({ name }) => name === GONE_TABLE);
  }
}

function hasFailed(error: unknown, errno: string): boolean {
  return error instanceof Rejected && error.failures.some((failure) => failure.errno === errno);
}

function elementsOf({ family, protocol, directions }: GoneConnection): SetElement[] {
  return directions.map((direction) => ({ key: keyOf(family, protocol, direction), timeoutMs: KEPT_MS }));
}

function keyOf(family: Family, protocol: number, { src, dst, sport, dport }: Direction): Uint8Array {
  const length = family === 'IPv4' ? 4 : 16;
  const key = new Uint8Array(2 * length + 12);
  putAddress(key, 0, src);
  putAddress(key, length, dst);
  key[2 * length] = protocol;
  putNet16(key, 2 * length + 4, sport);
  putNet16(key, 2 * length + 8, dport);
  return key;
}
