import { address } from './addresses.ts';

/** A value of the annotation as text, and its meaning; `null` means absent, a list represents every wrong type. */
export interface Literal {
  readonly text: string;
  readonly says: string | number | boolean | null | readonly [];
}

/** One entry as written: keys in any case, some of them twice. */
export type Entry = readonly (readonly [key: string, value: Literal])[];

export interface Binding {
  /** Null: the node's public address of each family. */
  readonly sourceIP: string | null;
  readonly sourcePort: number;
  readonly podPort: number;
  readonly protocol: string;
}

const RESTRICTED = { text: '22,53,6443', ports: [22, 53, 6443] };
const OURS = { text: '10250,2379,2380,30000-32767', ports: [10250, 2379, 2380] };

/**
 * Reads the entries as the specification has it: what Go's encoding/json makes of them, then the checks in their order.
 * The text of the first error, or what is bound.
 */
export function bindingsOf(entries: readonly Entry[], raw: string): readonly Binding[] | string {
  const drafts = entries.map(draftOf);
  if (drafts.includes(null)) {
    return `error unmarshaling data into annotation json format: ${raw}`;
  }
  const bindings: Binding[] = [];
  for (const draft of drafts) {
    const binding = draft === null ? '' : checked(draft);
    if (typeof binding === 'string') {
      return binding;
    }
    bindings.push(binding);
  }
  return bindings;
}

interface Draft {
  ifaceauto: boolean;
  srcip: string | null;
  srcport: number;
  dstport: number;
  proto: string;
}

/** Null where a value is of the wrong type, be it that a later one mends it. */
function draftOf(entry: Entry): Draft | null {
  const draft: Draft = { ifaceauto: true, srcip: null, srcport: 0, dstport: 0, proto: 'tcp' };
  for (const [written, { says, text }] of entry) {
    const key = written.toLowerCase();
    const isPort = key === 'srcport' || key === 'dstport';
    if (key === 'srcip' && (says === null || typeof says === 'string')) draft.srcip = says;
    else if (says === null) continue;
    else if (key === 'ifaceauto' && typeof says === 'boolean') draft.ifaceauto = says;
    else if (key === 'proto' && typeof says === 'string') draft.proto = says;
    else if (isPort && typeof says === 'number' && /^\d+$/.test(text) && says <= 65_535) draft[key] = says;
    else if (key in draft) return null;
  }
  return draft;
}

function checked({ ifaceauto, srcip, srcport, dstport, proto }: Draft): Binding | string {
  if (!ifaceauto && srcip === null)
    return 'need either InterfaceAutoDetect enabled or provided SourceIP for entry';
  if (ifaceauto && srcip !== null) {
    return 'SourceIP provided but InterfaceAutoDetect still enabled, please disable';
  }
  if (srcport === 0 || dstport === 0) return 'port 0 is reserved and cannot be used';
  if (!['tcp', 'udp', 'sctp'].includes(proto)) {
    return "supported protocols for NAT entries are 'tcp' and 'udp'";
  }
  if (RESTRICTED.ports.some((port) => port === srcport || port === dstport)) {
    return `restricted ports ${RESTRICTED.text} are not allowed by default`;
  }
  if (OURS.ports.includes(srcport) || (srcport >= 30_000 && srcport <= 32_767)) {
    return `restricted ports ${OURS.text} are not allowed by default`;
  }
  const sourceIP = srcip === null ? null : address(srcip);
  if (sourceIP === undefined) {
    return `srcIP "${srcip}" is no IP address: host names are not resolved, write the address`;
  }
  return {
    sourceIP: sourceIP?.text ?? null,
    sourcePort: srcport,
    podPort: dstport,
    protocol: proto.toUpperCase(),
  };
}
