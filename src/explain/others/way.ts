import type { WalkJson, WalkPacket } from '../../forms/walk.ts';
import type { Met } from '../../netfilter/course.ts';
import type { PassingPacket } from '../../netfilter/packet.ts';
import { programNamed } from '../../netfilter/program-names.ts';
import type { RulePlace } from '../../netfilter/rule.ts';
import { placeText } from '../ends-text.ts';
import type { Journey, JourneyEnd } from './journey.ts';

type WayJson = NonNullable<WalkJson['way']>;
type WayEnd = WayJson['ends'][number];
type WayRule = WayEnd['rules'][number]['rule'];

/** The way of a packet, as the API gives it. */
export function wayJson({ input, inputIsAssumed, ends, limits }: Journey): WayJson {
  const each = ends.map(endJson);
  return {
    verdict: verdictOf(ends),
    input: input === null ? null : { interface: input.name, assumed: inputIsAssumed },
    ends: each,
    limits: [...limits],
  };
}

/** What the packet gets, if that is the same on every course: endpoints may differ, verdicts not. */
function verdictOf(ends: readonly JourneyEnd[]): WayJson['verdict'] {
  const verdicts = new Set(ends.map(endVerdict));
  const [only] = verdicts;
  return verdicts.size === 1 && only !== undefined && ends.every(({ course }) => course.assumed.length === 0)
    ? only
    : 'depends';
}

function endVerdict({ course, fate }: JourneyEnd): WayJson['verdict'] {
  if (fate.kind === 'dropped') return 'drop';
  if (fate.kind === 'rejected') return 'reject';
  if (fate.kind === 'unknown') return 'depends';
  const { packet } = course;
  if (packet.destination !== packet.original.destination || packet.port !== packet.original.port)
    return 'dnat';
  return packet.source === packet.original.source ? 'none' : 'snat';
}

function endJson({ course, fate }: JourneyEnd): WayEnd {
  const isOver = fate.kind === 'dropped' || fate.kind === 'rejected' || fate.kind === 'unknown';
  return {
    fate: fate.kind,
    because: isOver ? fate.because : '',
    by: isOver && fate.by !== null ? ruleJson(fate.by) : null,
    output: fate.kind === 'sent' ? (fate.output?.name ?? null) : null,
    endpoint: course.own.endpoint,
    after: packetJson(course.packet),
    rules: course.met.map(metJson),
    assumes: course.assumed.map(({ rule, dependsOn }) => ({ rule: ruleJson(rule), dependsOn })),
  };
}

export function ruleJson({ table, chain, text }: RulePlace): WayRule {
  return { program: programNamed(chain, table), table, chain, text };
}

function metJson({ hook, rule, effect, after }: Met): WayEnd['rules'][number] {
  return { hook, rule: ruleJson(rule), effect: effect.kind, after: packetJson(after) };
}

function packetJson({ source, destination, protocol, port }: PassingPacket): WalkPacket {
  return { source: source ?? 'node', destination, protocol, port: port ?? 0 };
}

/** `flannel (chain FLANNEL-POSTRTG of table ip nat)`. */
export function ownerText({ program, table, chain }: WayRule): string {
  return `${program ?? 'a rule of another program'} (chain ${chain} of ${table})`;
}

export function afterText({ source, destination, port }: WalkPacket): string {
  const from = source === 'node' ? 'an address of this node' : source.includes(':') ? `[${source}]` : source;
  return `${from} → ${placeText(destination, port)}`;
}
