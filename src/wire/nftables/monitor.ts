/**
 * Notifications of NFNLGRP_NFTABLES: who changed what in this network namespace.
 *
 * The kernel sends them after a commit: one message for each changed object (for each element, even), then one
 * NFT_MSG_NEWGEN. Only names are decoded here; the content is read through the connection.
 */
import { eachAttribute } from '../attributes.ts';
import { textOf } from '../bytes.ts';
import { type Message, NFGENMSG, readNfgenmsg } from '../messages.ts';
import { type Subscription, subscribe } from '../notifications.ts';
import { generationAttributes } from './declarations.ts';
import {
  NFNL_SUBSYS_NFTABLES,
  NFNLGRP_NFTABLES,
  type NftFamily,
  type NftMessage,
  nftFamilyOf,
  nftMessageOf,
} from './numbers.ts';

/** An object that was added, changed or deleted. */
export interface ObjectEvent {
  readonly type: Exclude<NftMessage, 'NFT_MSG_NEWGEN'>;
  readonly family: NftFamily;
  readonly table: string;
  /** The chain of a chain's or a rule's message. */
  readonly chain?: string;
  /** The set of a set's or an element's message. */
  readonly set?: string;
  /** The port id of the connection that committed (`NftablesConnection.portId`); 0 for the kernel's own doing. */
  readonly portId: number;
}

/** A transaction was committed; it is the last event of its transaction. */
export interface GenerationEvent {
  readonly type: 'NFT_MSG_NEWGEN';
  readonly generation: number;
  /** Who committed it; the id is that of the thread, 0 when not known. */
  readonly processId: number;
  readonly processName: string;
  readonly portId: number;
}

/** Events were lost: the listener must read everything again. */
export interface OverrunEvent {
  readonly type: 'overrun';
}

export type NftablesEvent = ObjectEvent | GenerationEvent | OverrunEvent;

/** Where generations of an ignored port are dropped too. */
export interface NftablesWatchOptions extends Pick<Subscription, 'ignorePortId' | 'receiveBuffer'> {
  /** Only objects of tables of this name, in any family; generations and overruns come always. */
  readonly table?: string;
}

/**
 * Calls back for each change in the network namespace; see `subscribe`. Successive changes to elements of the same set by
 * the same port are one event.
 */
export function watchNftables(
  listen: (event: NftablesEvent) => void,
  { table, ...options }: NftablesWatchOptions = {},
): () => void {
  let previous: NftablesEvent | null = null;
  const tell = (event: NftablesEvent) => {
    if (previous !== null && isRepetition(previous, event)) return;
    previous = event;
    listen(event);
  };
  const message = (message: Message) => {
    const event = readEvent(message);
    if (event === null) return;
    if (table === undefined || !('table' in event) || event.table === table) tell(event);
  };
  const wanted = { protocol: 'NETLINK_NETFILTER', groups: [NFNLGRP_NFTABLES], ...options } as const;
  return subscribe(wanted, message, () => tell({ type: 'overrun' }));
}

/** The event of a notification; null for a message of another subsystem or of a later kernel. */
export function readEvent(message: Message): NftablesEvent | null {
  if (message.type >>> 8 !== NFNL_SUBSYS_NFTABLES) return null;
  const type = nftMessageOf(message.type & 0xff);
  const family = nftFamilyOf(readNfgenmsg(message).family);
  const { bytes, end, portId } = message;
  const start = message.start + NFGENMSG;
  if (type === 'NFT_MSG_NEWGEN') {
    const { id = 0, processId = 0, processName = '' } = generationAttributes.read(bytes, start, end, type);
    return { type, generation: id, processId, processName, portId };
  }
  if (type === null || family === null) return null;
  // Attribute 1 is the table in each of these messages; 2 or 3 is the object's own name.
  const [kind, number] = nameIn[type] ?? [null, 0];
  let table = '';
  let name: string | null = null;
  eachAttribute(bytes, start, end, type, (attribute, from, to) => {
    if (attribute === 1) table = textOf(bytes, from, to);
    else if (attribute === number) name = textOf(bytes, from, to);
  });
  const event = { type, family, table, portId };
  return kind === null || name === null ? event : { ...event, [kind]: name };
}

/** Which attribute names the chain or the set: NFTA_CHAIN_NAME, NFTA_RULE_CHAIN, NFTA_SET_NAME, NFTA_SET_ELEM_LIST_SET. */
const nameIn: { readonly [type in NftMessage]?: readonly ['chain' | 'set', number] } = {
  NFT_MSG_NEWCHAIN: ['chain', 3],
  NFT_MSG_DELCHAIN: ['chain', 3],
  NFT_MSG_NEWRULE: ['chain', 2],
  NFT_MSG_DELRULE: ['chain', 2],
  NFT_MSG_NEWSET: ['set', 2],
  NFT_MSG_DELSET: ['set', 2],
  NFT_MSG_NEWSETELEM: ['set', 2],
  NFT_MSG_DELSETELEM: ['set', 2],
};

function isRepetition(previous: NftablesEvent, event: NftablesEvent): boolean {
  if (event.type !== 'NFT_MSG_NEWSETELEM' && event.type !== 'NFT_MSG_DELSETELEM') return false;
  return (
    previous.type === event.type &&
    previous.set === event.set &&
    previous.table === event.table &&
    previous.family === event.family &&
    previous.portId === event.portId
  );
}
