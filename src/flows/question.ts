import { meantHint } from '../base/did-you-mean.ts';
import type { NatKind } from '../forms/flows.ts';
import { type FlowQuestion, flowQuestion } from '../forms/questions.ts';
import { formatRef } from '../model/object.ts';
import { formatEndpoint, parseAddress } from '../net/address.ts';
import { hostPrefix, type Prefix, parseLoosePrefix, prefixContains } from '../net/prefix.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { Judgement } from './judge.ts';
import type { Names } from './names.ts';
import { protocolNumberOf } from './protocol-names.ts';

export interface WantedFlows {
  readonly pod: string | null;
  readonly service: string | null;
  readonly protocol: number | null;
  /** Each must contain one of the flow's addresses. */
  readonly addresses: readonly Prefix[];
  /** In lower case; null: no text condition, or an address is searched for. */
  readonly text: string | null;
  /** Null: all translated flows. */
  readonly kinds: ReadonlySet<NatKind | 'none'> | null;
  readonly stale: boolean;
  readonly limit: number;
}

const KINDS: readonly (NatKind | 'none')[] = ['service', 'pod', 'egress', 'other', 'none'];
/** Returns the text of the error for an invalid question. */
export function readQuestion(question: FlowQuestion): WantedFlows | string {
  const unknown = Object.keys(question).find((name) => !Object.hasOwn(flowQuestion, name));
  if (unknown !== undefined) return `${unknown}: write one of ${Object.keys(flowQuestion).join(', ')}`;
  const { pod, service, protocol, address, search = '', kind, stale, limit } = question;
  for (const [name, value] of Object.entries({ pod, service })) {
    if (value !== undefined && !/^[^/]+\/[^/]+$/.test(value))
      return `${name}: "${value}" is no NAMESPACE/NAME`;
  }
  const number = protocol === undefined ? null : protocolNumberOf(protocol);
  if (protocol !== undefined && number === null)
    return `protocol: "${protocol}" is neither a name nor a number`;
  const found = search.trim() === '' ? null : readPrefix(search.trim());
  const prefix = address === undefined ? null : readPrefix(address);
  if (address !== undefined && prefix === null)
    return `address: "${address}" is neither an address nor a CIDR`;
  const kinds = kind === undefined ? null : kind.split(',').map((one) => one.trim().toLowerCase());
  const strange = kinds?.find((one) => !KINDS.some((known) => known === one));
  if (strange !== undefined)
    return `kind: "${strange}" is none of ${KINDS.join(', ')}${meantHint(strange, KINDS)}`;
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit))
    return `limit: "${limit}" is no whole number from 1`;
  if (stale !== undefined && stale !== 'true' && stale !== 'false')
    return `stale: "${stale}" is neither true nor false`;
  return {
    pod: pod === undefined ? null : `Pod ${pod}`,
    service: service ?? null,
    protocol: number,
    addresses: [prefix, found].filter((one) => one !== null),
    text: search.trim() === '' || found !== null ? null : search.trim().toLowerCase(),
    kinds: kinds === null ? null : new Set(kinds as (NatKind | 'none')[]),
    stale: stale === 'true',
    limit: limit === undefined ? Number.POSITIVE_INFINITY : Number(limit),
  };
}

function readPrefix(text: string): Prefix | null {
  const address = parseAddress(text);
  return address === null ? parseLoosePrefix(text) : hostPrefix(address);
}

const TRANSLATED = conntrackStatus.IPS_SRC_NAT | conntrackStatus.IPS_DST_NAT;

/** False when the flow is not wanted whatever the judgement, which can then be skipped. */
export function mayBeWanted(wanted: WantedFlows, flow: FlowView, names: Names | null): boolean {
  const { protocol, addresses, kinds, stale, pod } = wanted;
  if (protocol !== null && protocol !== flow.protocol) return false;
  if ((flow.status & TRANSLATED) === 0 && !stale && !(kinds?.has('none') ?? false)) return false;
  const { original, reply } = flow;
  for (const address of addresses) {
    if (address.family !== flow.family) return false;
    const isThere =
      prefixContains(address, original.src) ||
      prefixContains(address, original.dst) ||
      prefixContains(address, reply.src) ||
      prefixContains(address, reply.dst);
    if (!isThere) return false;
  }
  return pod === null || names?.of(original.src) === pod || names?.of(reply.src) === pod;
}

/** True when an address, the name of an end, or the object that translated the flow contains the text. */
function hasText(
  text: string,
  { original, reply }: FlowView,
  judgement: Judgement,
  names: Names | null,
): boolean {
  const { destination, source } = judgement;
  const has = (one: string | null | undefined) => one?.toLowerCase().includes(text) ?? false;
  const object = (nat: Judgement['source']) => (nat?.object == null ? null : formatRef(nat.object));
  return (
    has(object(destination)) ||
    has(object(source)) ||
    has(names?.of(original.src)) ||
    has(names?.of(reply.src)) ||
    [original, reply].some(
      ({ src, sport, dst, dport }) => has(formatEndpoint(src, sport)) || has(formatEndpoint(dst, dport)),
    )
  );
}

/** The conditions that need the judgement. */
export function isWanted(
  { kinds, service, stale, text }: WantedFlows,
  flow: FlowView,
  judgement: Judgement,
  names: Names | null,
): boolean {
  const { destination, source } = judgement;
  if (stale && judgement.stale === null) return false;
  if (text !== null && !hasText(text, flow, judgement, names)) return false;
  if (kinds === null) {
    if (destination === null && source === null && !stale) return false;
  } else if (destination === null && source === null) {
    if (!kinds.has('none')) return false;
  } else if (
    !((destination !== null && kinds.has(destination.kind)) || (source !== null && kinds.has(source.kind)))
  ) {
    return false;
  }
  if (service === null) return true;
  return [destination, source].some((nat) => {
    const object = nat?.object ?? null;
    return object !== null && object.kind === 'Service' && `${object.namespace}/${object.name}` === service;
  });
}
