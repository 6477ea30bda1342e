import type { PortSpan } from '../../net/port.ts';
import { elements, type JsonMember, type JsonSpan, members, nestingDepth, valueSpan } from './json-scan.ts';
import { parsePortRange } from './port-list.ts';
import { NONE } from './shared.ts';

/**
 * Reads the Pod NAT annotation's JSON as Go's encoding/json reads it into the original's structures
 * (docs/spec/pod-nat.md, "Annotation"): keys in any case; duplicates are assigned in turn, so that the last one wins;
 * null assigns nothing (but empties a list and an optional text). A value of the wrong type is an error even if a later
 * duplicate is valid. Integers need integer notation: 25.0 and 2.5e1 are errors.
 */

/** One entry with checked types and unchecked values. */
export interface PodNatDraft {
  interfaceAuto: boolean;
  sourceIP: string | null;
  sourcePorts: PortSpan;
  destinationPorts: PortSpan;
  protocol: string;
  allow: readonly string[] | null;
  egress: boolean;
  takeover: boolean;
}

export interface PodNatDocument {
  readonly entries: readonly PodNatDraft[];
  readonly warnings: readonly string[];
}

/** Go's encoding/json refuses deeper nesting. */
const DEEPEST = 10_000;

/** Assigns a member's value to a draft; false when the type is wrong. */
type Assign = (draft: PodNatDraft, json: string) => boolean;

const assign: Readonly<Record<string, Assign>> = {
  ifaceauto: flag((draft, value) => {
    draft.interfaceAuto = value;
  }),
  srcip: (draft, json) => {
    const text = json === 'null' ? null : parseText(json);
    if (text === undefined) return false;
    draft.sourceIP = text;
    return true;
  },
  srcport: ports((draft, range) => {
    draft.sourcePorts = range;
  }),
  dstport: ports((draft, range) => {
    draft.destinationPorts = range;
  }),
  proto: (draft, json) => {
    if (json === 'null') return true;
    const text = parseText(json);
    if (text === undefined) return false;
    draft.protocol = text;
    return true;
  },
  allow: (draft, json) => {
    const value: unknown = JSON.parse(json);
    if (value !== null && !isTextList(value)) return false;
    draft.allow = value;
    return true;
  },
  egress: flag((draft, value) => {
    draft.egress = value;
  }),
  takeover: flag((draft, value) => {
    draft.takeover = value;
  }),
};

/** Null if it is not JSON, or a value has the wrong type. */
export function readPodNatDocument(raw: string): PodNatDocument | null {
  try {
    JSON.parse(raw);
  } catch {
    return null;
  }
  if (nestingDepth(raw) > DEEPEST) return null;
  const span = valueSpan(raw, 0);
  if (textOf(raw, span) === 'null') return { entries: NONE, warnings: NONE };
  if (raw[span.start] !== '{') return null;
  const warnings: string[] = [];
  let entries: readonly PodNatDraft[] = NONE;
  for (const member of members(raw, span)) {
    if (foldKey(member.key) !== 'entries') warnings.push(unknownKey('', member));
    else {
      const read = readEntries(raw, member, warnings);
      if (read === null) return null;
      entries = read;
    }
  }
  return { entries, warnings };
}

function readEntries(raw: string, span: JsonSpan, warnings: string[]): readonly PodNatDraft[] | null {
  if (textOf(raw, span) === 'null') return NONE;
  if (raw[span.start] !== '[') return null;
  const entries: PodNatDraft[] = [];
  for (const element of elements(raw, span)) {
    const draft = emptyDraft();
    if (raw[element.start] === '{') {
      for (const member of members(raw, element)) {
        const key = foldKey(member.key);
        const known = Object.hasOwn(assign, key) ? assign[key] : undefined;
        if (known === undefined) warnings.push(unknownKey(`entries[${entries.length}].`, member));
        else if (!known(draft, textOf(raw, member))) return null;
      }
    } else if (textOf(raw, element) !== 'null') return null;
    entries.push(draft);
  }
  return entries;
}

function emptyDraft(): PodNatDraft {
  return {
    interfaceAuto: true,
    sourceIP: null,
    sourcePorts: { first: 0, last: 0 },
    destinationPorts: { first: 0, last: 0 },
    protocol: 'tcp',
    allow: null,
    egress: true,
    takeover: false,
  };
}

function flag(set: (draft: PodNatDraft, value: boolean) => void): Assign {
  return (draft, json) => {
    if (json === 'true' || json === 'false') set(draft, json === 'true');
    return json === 'true' || json === 'false' || json === 'null';
  };
}

function ports(set: (draft: PodNatDraft, range: PortSpan) => void): Assign {
  return (draft, json) => {
    if (json === 'null') return true;
    const range = readPorts(json);
    if (range !== null) set(draft, range);
    return range !== null;
  };
}

/** A number that fits 16 bits, or a text `10000-10100`, which is knat's addition. */
function readPorts(json: string): PortSpan | null {
  if (/^\d+$/.test(json)) {
    const port = Number(json);
    return port <= 65_535 ? { first: port, last: port } : null;
  }
  const text = parseText(json);
  const range = text === undefined ? null : parsePortRange(text);
  return range === null || range.first > 65_535 || range.last > 65_535 ? null : range;
}

function parseText(json: string): string | undefined {
  return json.startsWith('"') ? (JSON.parse(json) as string) : undefined;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function unknownKey(path: string, member: JsonMember): string {
  return `unknown key ${JSON.stringify(`${path}${member.key}`)} is ignored: check its spelling`;
}

/** Go uses Unicode's simple folding: only two letters outside ASCII fold into ASCII. */
function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}

function textOf(raw: string, span: JsonSpan): string {
  return raw.slice(span.start, span.end);
}
