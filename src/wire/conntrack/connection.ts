import type { Family } from '../../net/family.ts';
import type { ByteWriter } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Rejected } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, writeNfgenmsg } from '../messages.ts';
import { type EntryName, writeDeletion } from './deletion.ts';
import {
  type ConntrackEntry,
  conntrackAttributes,
  creationAttributes,
  type FlowTuple,
  tupleAttributesOf,
} from './entry.ts';
import { type FlowFilter, kernelFilter, matches } from './filter.ts';
import { FlowView } from './flow-view.ts';
import { IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_NEW } from './numbers.ts';

/** The conntrack table of the network namespace in which this was opened. Synchronous; errors: see errors.ts. */
export class ConntrackConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_NETFILTER');
  }

  /**
   * Shows each matching entry in one view; each step handles one datagram (about 150 entries). The table changes
   * meanwhile: entries may be missed or come twice. The callback must not use this connection. A caller that stops
   * early must close the connection.
   */
  *dump(filter: FlowFilter, visit: (flow: FlowView) => void): Generator<undefined, void, undefined> {
    const view = new FlowView();
    const asked = message('IPCTNL_MSG_CT_GET', NLM_F_DUMP, filter.family ?? null, kernelFilter(filter));
    yield* this.answers(asked, (one) => {
      if (matches(filter, view.read(one))) visit(view);
    });
  }

  /** As `dump`, at once. */
  entries(filter: FlowFilter = {}): ConntrackEntry[] {
    const found: ConntrackEntry[] = [];
    for (const _ of this.dump(filter, (flow) => found.push(flow.copy())));
    return found;
  }

  /** The entry that has this tuple in either direction, as the kernel finds it for a packet; null: none. */
  find(family: Family, protocol: number, tuple: FlowTuple): ConntrackEntry | null {
    const view = new FlowView();
    const attributes = { original: tupleAttributesOf(family, protocol, tuple) };
    let found: ConntrackEntry | null = null;
    try {
      this.request(message('IPCTNL_MSG_CT_GET', NLM_F_ACK, family, attributes), (one) => {
        found = view.read(one).copy();
      });
    } catch (error) {
      if (error instanceof Rejected && error.errno === 'ENOENT') return null;
      throw error;
    }
    return found;
  }

  /** Deletes this entry, never a later one of the same tuple. False when it is already gone. */
  delete(entry: EntryName): boolean {
    try {
      this.request(message('IPCTNL_MSG_CT_DELETE', NLM_F_ACK, entry.family, deletionAttributes(entry)));
      return true;
    } catch (error) {
      if (error instanceof Rejected && error.errno === 'ENOENT') return false;
      throw error;
    }
  }

  /**
   * As `delete`, of many with ports in one datagram. Returns how many were there. Throws the first error of
   * another kind; the entries behind it are deleted all the same.
   */
  deleteAll(entries: readonly EntryName[]): number {
    const asked = entries.map((entry, index): Asked => {
      const write = (writer: ByteWriter) => {
        writeNfgenmsg(writer, familyNumber[entry.family]);
        writeDeletion(writer, entry);
      };
      const flags = index === entries.length - 1 ? NLM_F_ACK : 0;
      return { type: IPCTNL_MSG_CT_DELETE, flags, subject: 'IPCTNL_MSG_CT_DELETE', write };
    });
    const errors = this.requestAll(asked);
    const failed = errors.find((error) => !(error instanceof Rejected && error.errno === 'ENOENT'));
    if (failed !== undefined) throw failed;
    return entries.length - errors.length;
  }

  /** Its two tuples define the translation. Throws Rejected when a tuple is in use. */
  create(entry: ConntrackEntry): void {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    this.request(message('IPCTNL_MSG_CT_NEW', flags, entry.family, creationAttributes(entry)));
  }
}

function deletionAttributes({ family, protocol, original, id, zone }: EntryName) {
  return { original: tupleAttributesOf(family, protocol, original), id, ...(zone === 0 ? {} : { zone }) };
}

const TYPES = { IPCTNL_MSG_CT_NEW, IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE } as const;

/** @param family null: both */
function message(
  subject: keyof typeof TYPES,
  flags: number,
  family: Family | null,
  attributes: Parameters<typeof conntrackAttributes.write>[1],
): Asked {
  const write = (writer: ByteWriter) => {
    writeNfgenmsg(writer, family === null ? 0 : familyNumber[family]);
    conntrackAttributes.write(writer, attributes);
  };
  return { type: TYPES[subject], flags, subject, write };
}
