/**
 * The rule that turns tracing on, and chains that see where a packet comes by. They are in a table of their own, which
 * belongs to the socket of the trace (NFT_TABLE_F_OWNER): when the socket closes, whatever the reason, the kernel
 * removes the table. Without a trace nothing of this is in the ruleset.
 */
import { addressBytes, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { Unsupported } from '../wire/errors.ts';
import { Batch } from '../wire/nftables/batch.ts';
import type { NftablesConnection } from '../wire/nftables/connection.ts';
import { NFT_TABLE_F_OWNER } from '../wire/nftables/declarations.ts';
import {
  decodeExpression,
  type Expression,
  encodeExpression,
  numbers,
} from '../wire/nftables/expressions.ts';
import type { NftFamily } from '../wire/nftables/numbers.ts';
import { TraceRunning } from './trace-running.ts';

export const TRACE_TABLE = 'knat_trace';

/** Packets of a second that are traced; all others are only counted. */
export const TRACED_PER_SECOND = 20;

/** What is traced. */
export interface TracedPackets {
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IANA number. */
  readonly protocol: number;
  /** Null: every port, or a protocol without ports. */
  readonly sourcePort: number | null;
  readonly port: number | null;
  /** Null: every type, or no ICMP. */
  readonly icmpType: number | null;
  /** Packets of the other direction of such connections too. */
  readonly replies: boolean;
}

/** `enum nf_inet_hooks` */
const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type TracedHook = keyof typeof HOOKS;

/** The hook with this number. */
export function hookOf(number: number | undefined): TracedHook | null {
  return (Object.keys(HOOKS) as TracedHook[]).find((hook) => HOOKS[hook] === number) ?? null;
}

/** `ask` turns tracing on; `begin` and `end` tell that a packet enters and leaves a hook. */
interface TraceChain {
  readonly hook: TracedHook;
  readonly role: 'ask' | 'reply' | 'begin' | 'end';
  readonly priority: number;
}

/** Behind defragmentation (−400), before `raw` (−300). */
const EARLY = -399;
/** Behind connection tracking (−200), which tells a reply from other packets. */
const TRACKED = -199;
/** Before and behind everything that others have. */
const FIRST = -(2 ** 31) + 1;
const LAST = 2 ** 31 - 2;

export const TRACE_CHAINS: ReadonlyMap<string, TraceChain> = new Map<string, TraceChain>([
  ['prerouting_ask', { hook: 'prerouting', role: 'ask', priority: EARLY }],
  ['prerouting_reply', { hook: 'prerouting', role: 'reply', priority: TRACKED }],
  ['prerouting_end', { hook: 'prerouting', role: 'end', priority: LAST }],
  ['input_begin', { hook: 'input', role: 'begin', priority: FIRST }],
  ['input_end', { hook: 'input', role: 'end', priority: LAST }],
  ['forward_begin', { hook: 'forward', role: 'begin', priority: FIRST }],
  ['forward_end', { hook: 'forward', role: 'end', priority: LAST }],
  ['output_ask', { hook: 'output', role: 'ask', priority: EARLY }],
  ['output_reply', { hook: 'output', role: 'reply', priority: TRACKED }],
  ['output_end', { hook: 'output', role: 'end', priority: LAST }],
  ['postrouting_begin', { hook: 'postrouting', role: 'begin', priority: FIRST }],
  ['postrouting_end', { hook: 'postrouting', role: 'end', priority: LAST }],
]);

const families = { IPv4: 'ip', IPv6: 'ip6' } as const satisfies Record<Family, NftFamily>;

/**
 * Loads the table; it stays until the connection closes. Throws TraceRunning where another process traces, Unsupported
 * on kernels before 5.12, and as `commit`.
 */
export function startTracing(connection: NftablesConnection, packets: TracedPackets): void {
  const family = families[packets.family];
  const batch = new Batch();
  for (const each of Object.values(families)) {
    const found = connection.tables(each).find(({ name }) => name === TRACE_TABLE);
    if (found === undefined) continue;
    if (((found.flags ?? 0) & NFT_TABLE_F_OWNER) !== 0) throw new TraceRunning('another process');
    batch.deleteTable(each, TRACE_TABLE); // somebody loaded a copy of a listing
  }
  batch.addTable(family, TRACE_TABLE, { owned: true });
  for (const [name, { hook, role, priority }] of TRACE_CHAINS) {
    if (role === 'reply' && !packets.replies) continue;
    batch.addChain(family, TRACE_TABLE, {
      name,
      type: 'filter',
      hook: { hook: HOOKS[hook], priority },
      policy: 1, // NF_ACCEPT
    });
    if (role === 'ask') addRule(batch, family, name, asked(packets));
    if (role === 'reply') addRule(batch, family, name, repliesTo(packets));
  }
  connection.commit(batch);
  const made = connection.tables(family).find(({ name }) => name === TRACE_TABLE);
  if (((made?.flags ?? 0) & NFT_TABLE_F_OWNER) !== 0) return;
  stopTracing(connection, packets.family);
  throw new Unsupported({
    subject: 'a table that goes with its socket',
    errno: 'EOPNOTSUPP',
    extendedAck: 'knat trace needs Linux 5.12 or newer',
    offset: null,
  });
}

/** Removes the table, which the end of the connection would do too. */
export function stopTracing(connection: NftablesConnection, family: Family): void {
  const batch = new Batch();
  batch.deleteTable(families[family], TRACE_TABLE);
  connection.commit(batch);
}

/** How many packets matched so far, traced or not; null: the rules are gone. */
export function matchedPackets(connection: NftablesConnection, family: Family): number | null {
  let packets = 0n;
  const rules = connection.rules(families[family], TRACE_TABLE);
  if (rules.length === 0) return null;
  for (const { expressions = [] } of rules) {
    for (const raw of expressions) {
      const expression = raw.name === 'counter' ? decodeExpression(raw) : null;
      if (expression?.name === 'counter') packets += expression.attributes.packets ?? 0n;
    }
  }
  return Number(packets);
}

function addRule(batch: Batch, family: NftFamily, chain: string, matches: readonly Expression[]): void {
  const expressions = [...matches, ...TURN_ON].map(encodeExpression);
  batch.addRule(family, TRACE_TABLE, chain, { expressions });
}

const REGISTER = 1;

/** `counter limit rate 20/second burst 20 packets meta nftrace set 1` */
const TURN_ON: readonly Expression[] = [
  { name: 'counter', attributes: {} },
  {
    name: 'limit',
    attributes: { rate: BigInt(TRACED_PER_SECOND), unit: 1n, burst: TRACED_PER_SECOND, type: 0, flags: 0 },
  },
  { name: 'immediate', attributes: { dreg: REGISTER, data: { value: Uint8Array.of(1) } } },
  { name: 'meta', attributes: { key: numbers.metaKey.nftrace, sreg: REGISTER } },
];

/** Offsets of the addresses in the header. */
const ADDRESSES = { IPv4: [12, 16], IPv6: [8, 24] } as const satisfies Record<Family, unknown>;

function asked(packets: TracedPackets): Expression[] {
  const { family, source, destination, protocol, sourcePort, port, icmpType } = packets;
  const address = (value: IpAddress, offset: number) => {
    const bytes = addressBytes(value);
    const attributes = { dreg: REGISTER, base: numbers.payloadBase.network, offset, length: bytes.length };
    return [{ name: 'payload', attributes } as const, is(bytes)];
  };
  const ofPort = (value: number | null, offset: number) => {
    if (value === null) return [];
    const attributes = { dreg: REGISTER, base: numbers.payloadBase.transport, offset, length: 2 };
    return [{ name: 'payload', attributes } as const, is(portBytes(value))];
  };
  const [from, to] = ADDRESSES[family];
  return [
    ...protocolIs(protocol),
    ...address(source, from),
    ...address(destination, to),
    ...ofPort(sourcePort, 0),
    ...ofPort(port, 2),
    ...(icmpType === null ? [] : icmpTypeIs(icmpType)),
  ];
}

function icmpTypeIs(type: number): Expression[] {
  const attributes = { dreg: REGISTER, base: numbers.payloadBase.transport, offset: 0, length: 1 };
  return [{ name: 'payload', attributes }, is(Uint8Array.of(type))];
}

/** Packets of the reply direction of connections that such a packet began. */
function repliesTo({ family, source, destination, protocol, sourcePort, port }: TracedPackets): Expression[] {
  const { saddr, daddr } = numbers.ctAddress[family];
  const ofOriginal = (key: number, bytes: Uint8Array) => {
    const attributes = { dreg: REGISTER, key, direction: numbers.ctOriginal };
    return [{ name: 'ct', attributes } as const, is(bytes)];
  };
  const keys = numbers.ctKey;
  return [
    { name: 'ct', attributes: { dreg: REGISTER, key: keys.direction } },
    is(Uint8Array.of(1)),
    ...protocolIs(protocol),
    ...ofOriginal(saddr, addressBytes(source)),
    ...ofOriginal(daddr, addressBytes(destination)),
    ...(sourcePort === null ? [] : ofOriginal(keys['proto-src'], portBytes(sourcePort))),
    ...(port === null ? [] : ofOriginal(keys['proto-dst'], portBytes(port))),
  ];
}

function protocolIs(protocol: number): Expression[] {
  const attributes = { dreg: REGISTER, key: numbers.metaKey.l4proto };
  return [{ name: 'meta', attributes }, is(Uint8Array.of(protocol))];
}

function is(value: Uint8Array): Expression {
  return { name: 'cmp', attributes: { sreg: REGISTER, operation: numbers.cmp['=='], data: { value } } };
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}
