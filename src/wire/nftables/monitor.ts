/**
 * Notifications of NFNLGRP_NFTABLES: which changes happened in this network namespace, and who made them.
 *
 * After a commit the kernel sends one message for each changed object (even for each element), then one NFT_MSG_NEWGEN.
 * Only names are decoded; the content is read through the connection.
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

export interface ObjectEvent {
  readonly type: Exclude<NftMessage, 'NFT_MSG_NEWGEN'>;
  readonly family: NftFamily;
  readonly table: string;
  /** For messages about a chain or a rule. */
  readonly chain?: string;
  /** For messages about a set or an element. */
  readonly set?: string;
  /** The port id of the committing connection (`NftablesConnection.portId`); 0 for the kernel itself. */
  readonly portId: number;
}

/** The last event of a committed transaction. */
export interface GenerationEvent {
  readonly type: 'NFT_MSG_NEWGEN';
  readonly generation: number;
  /** Thread id of the committer, 0 when unknown. */
  readonly processId: number;
  readonly processName: string;
  readonly portId: number;
}

/** Events were lost: read everything again. */
export interface OverrunEvent {
  readonly type: 'overrun';
}

export type NftablesEvent = ObjectEvent | GenerationEvent | OverrunEvent;

/** `ignorePortId` also drops the generations of that port. */
export interface NftablesWatchOptions extends Pick<Subscription, 'ignorePortId' | 'receiveBuffer'> {
  /** Only objects of tables with this name, in any family; generations and overruns are always reported. */
  readonly table?: string;
}

/** Calls back for each change; see `subscribe`. Successive changes to elements of one set by one port are one event. */
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

/** Null for a message of another subsystem or of a later kernel. */
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

/** Attributes that name the chain or set: NFTA_CHAIN_NAME, NFTA_RULE_CHAIN, NFTA_SET_NAME, NFTA_SET_ELEM_LIST_SET. */
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
