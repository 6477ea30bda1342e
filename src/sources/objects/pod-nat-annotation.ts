import type { PodNatEntry, PodNatRequest } from '../../model/pod.ts';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import type { PortSpan } from '../../net/port.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { hostPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { parseProtocol } from '../../net/protocol.ts';
import type { PodNatOptions } from './metadata.ts';
import { type PodNatDraft, readPodNatDocument } from './pod-nat-json.ts';
import { formatPortList, parsePortList, rangesOverlap } from './port-list.ts';
import { NONE } from './shared.ts';

/** The texts 2 to 5 of docs/spec/pod-nat.md, "Annotation"; they are an interface and never change. */
const TEXT = {
  needSource: 'need either InterfaceAutoDetect enabled or provided SourceIP for entry',
  bothSources: 'SourceIP provided but InterfaceAutoDetect still enabled, please disable',
  portZero: 'port 0 is reserved and cannot be used',
  protocol: "supported protocols for NAT entries are 'tcp' and 'udp'",
} as const;

/** Thrown inside this file only: the first error rejects the whole annotation. */
class Rejected extends Error {}

/** Text 6: no pod may bind the port. */
class Restricted extends Rejected {}

/**
 * Never throws. docs/spec/pod-nat.md, "Annotation". Order of checks for each entry: texts 2, 3, 4, port ranges, 5 and
 * 6, `srcIP` (host names are refused; the original asked DNS), `allow`.
 */
export function parsePodNatAnnotation(raw: string, options: PodNatOptions): PodNatRequest {
  const document = readPodNatDocument(raw);
  if (document === null) {
    return rejected(`error unmarshaling data into annotation json format: ${raw}`, NONE);
  }
  try {
    const restrictions = [
      { ports: parsePortList(options.restrictedPorts), text: options.restrictedPorts, podPort: true },
      {
        ports: parsePortList(options.restrictedNodePorts),
        text: options.restrictedNodePorts,
        podPort: false,
      },
    ];
    const entries = document.entries.map((draft) => readEntry(draft, restrictions));
    const warnings = [...document.warnings];
    for (const [index, entry] of entries.entries()) {
      if (entry.allow?.length === 0) warnings.push(`entries[${index}].allow is empty: nobody may connect`);
    }
    return { entries, error: null, warnings };
  } catch (error) {
    if (error instanceof Restricted) {
      return { ...rejected(error.message, document.warnings), isRestricted: true };
    }
    if (error instanceof Rejected) return rejected(error.message, document.warnings);
    throw error;
  }
}

interface Restriction {
  readonly ports: readonly PortSpan[];
  readonly text: string;
  /** Applies to the pod's port too, not only to the node's. */
  readonly podPort: boolean;
}

function rejected(error: string, warnings: readonly string[]): PodNatRequest {
  return { entries: NONE, error, warnings };
}

function readEntry(draft: PodNatDraft, restrictions: readonly Restriction[]): PodNatEntry {
  if (draft.sourceIP === null && !draft.interfaceAuto) throw new Rejected(TEXT.needSource);
  if (draft.sourceIP !== null && draft.interfaceAuto) throw new Rejected(TEXT.bothSources);
  const { sourcePorts, destinationPorts } = draft;
  const sourcePort = firstPort(sourcePorts);
  const destinationPort = firstPort(destinationPorts);
  const portCount = rangeLength(sourcePorts, destinationPorts);
  // SCTP is knat's addition; the text stays the original's.
  const protocol = draft.protocol === draft.protocol.toLowerCase() ? parseProtocol(draft.protocol) : null;
  if (protocol === null) throw new Rejected(TEXT.protocol);
  for (const { ports, text, podPort } of restrictions) {
    if (rangesOverlap(ports, sourcePorts) || (podPort && rangesOverlap(ports, destinationPorts))) {
      throw new Restricted(`restricted ports ${text} are not allowed by default`);
    }
  }
  return {
    interfaceAuto: draft.interfaceAuto,
    sourceIP: draft.sourceIP === null ? null : readSourceIP(draft.sourceIP),
    sourcePort,
    destinationPort,
    portCount,
    protocol,
    allow: draft.allow === null ? null : draft.allow.map(readAllowed),
    egress: draft.egress,
    takeover: draft.takeover,
  };
}

function firstPort(range: PortSpan): Port {
  const port = parsePort(range.first);
  if (port === null) throw new Rejected(TEXT.portZero);
  return port;
}

function rangeLength(source: PortSpan, destination: PortSpan): number {
  for (const range of [source, destination]) {
    if (range.last < range.first) {
      throw new Rejected(`port range ${formatPortList([range])} runs backwards: write the lower port first`);
    }
  }
  const length = source.last - source.first + 1;
  if (destination.last - destination.first + 1 !== length) {
    const ranges = `srcPort ${formatPortList([source])} and dstPort ${formatPortList([destination])}`;
    throw new Rejected(`${ranges} differ in length: use ranges of equal length`);
  }
  return length;
}

function readSourceIP(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) {
    throw new Rejected(`srcIP "${text}" is no IP address: host names are not resolved, write the address`);
  }
  return address;
}

function readAllowed(text: string): Prefix {
  const address = parseAddress(text);
  if (address !== null) return hostPrefix(address);
  const prefix = parsePrefix(text);
  if (typeof prefix !== 'string') return prefix;
  const why =
    prefix === 'syntax' ? 'is no CIDR: write ADDRESS/LENGTH' : 'has host bits set: write the network';
  throw new Rejected(`allow "${text}" ${why}`);
}
