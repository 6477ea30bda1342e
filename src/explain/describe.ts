import type { Line, WalkJson } from '../forms/walk.ts';
import { formatRef } from '../model/object.ts';
import { firstFew } from '../model/text.ts';
import { formatEndpoint, type IpAddress, isIpv6 } from '../net/address.ts';
import { endpointText } from '../plan/canonical.ts';
import type { Endpoint } from '../plan/entry.ts';
import { reasonOf } from './answer.ts';
import { conditionText } from './branch.ts';
import { placeText } from './ends-text.ts';
import { type ExistingFlow, existingFlowText } from './existing.ts';
import { foldedText, foldSteps } from './fold.ts';
import { groupPaths, type PathGroup } from './group.ts';
import { type InnerPacket, isAnswer } from './icmp.ts';
import { unknownBeside, walkJson } from './json.ts';
import { labelled, WIDTH } from './lines.ts';
import { wayLines } from './others/describe-way.ts';
import type { Journey } from './others/journey.ts';
import { wayJson } from './others/way.ts';
import type { Packet } from './packet.ts';
import { stepReason, unknownReason } from './reason.ts';
import type { Step } from './step.ts';
import type { Branch, Path, Walk } from './walk.ts';

/** Width of the column with the hooks' names. */
const COLUMN = 13;
/** Further endpoints are only counted; the JSON form has all. */
const ENDPOINTS_SHOWN = 8;
const PATHS_SHOWN = 3;

/**
 * Lines of at most 80 characters, for readers who know Kubernetes but not knat.
 *
 * @param existing such connections in conntrack; null if it was not read
 * @param isWhole long lists in full length
 * @param journey the way through the kernel; null if it was not examined
 */
export function describeWalk(
  walk: Walk,
  existing: readonly ExistingFlow[] | null = null,
  isWhole = false,
  journey: Journey | null = null,
): Line[] {
  const lines: Line[] = [...titleLines(walk), []];
  for (const step of walk.steps) lines.push(...describeStep(step));
  const isReply = walk.steps[0]?.rule === 'reply';
  if (walk.verdict === 'dnat' && !isReply && !isAnswer(walk.packet.icmp)) {
    const endpoints = walk.paths.map((path) => path.endpoint);
    lines.push(...endpointLines(endpoints, isWhole ? endpoints.length : ENDPOINTS_SHOWN));
  }
  const groups = groupPaths(walk.paths);
  for (const group of groups) lines.push(...groupLines(group, groups.length > 1, isWhole));
  const way = journey === null ? null : wayJson(journey);
  const blind = isReply && way !== null ? unknownWay(way) : null;
  if (way === null || blind !== null) lines.push([], ...resultLines(walk, groups));
  else lines.push(...wayLines(way, walkJson(walk).packet, answerText(walk)));
  if (blind !== null) lines.push(...labelled('', COLUMN, `its way is not known: ${blind}`, 'dim'));
  for (const { winner, losers, because } of walk.conflicts) {
    const text = `also claimed by ${losers.map(formatRef).join(', ')}; ${formatRef(winner)} has it: ${because}`;
    lines.push(...labelled('Conflict', COLUMN, text, 'bad'));
  }
  const others =
    isReply || isAnswer(walk.packet.icmp) ? [] : (existing ?? []).filter(({ asPlanned }) => !asPlanned);
  const flows = others.map((flow) => `an existing flow: ${existingFlowText(walk.packet, flow)}`);
  lines.push(...connectionLines(walk, existing));
  const hints = walk.hints.map(({ object, text }) =>
    object === null ? text : `${formatRef(object)}: ${text}`,
  );
  lines.push(...firstLabelled('But', flows), ...firstLabelled('Hint', hints));
  if (walk.branch !== undefined) lines.push(...branchLines(walk.branch));
  for (const [index, unknown] of unknownBeside(walk, existing, journey).entries()) {
    const label = `${(index === 0 ? 'Not known' : '').padEnd(COLUMN)}- `;
    lines.push(...labelled(label, label.length, unknownReason(unknown), 'dim'));
  }
  return lines;
}

/**
 * Why nothing is known of the way, not even one rule; null: something is. What conntrack does with a reply is certain
 * all the same.
 */
function unknownWay({ ends }: NonNullable<WalkJson['way']>): string | null {
  const [first] = ends;
  const isBlind = ends.every(({ fate, rules }) => fate === 'unknown' && rules.length === 0);
  return first !== undefined && isBlind ? first.because : null;
}

function firstLabelled(label: string, texts: readonly string[]): Line[] {
  return texts.flatMap((text, index) => labelled(index === 0 ? label : '', COLUMN, text, 'strong'));
}

function titleLines({ packet, nodeName }: Walk): Line[] {
  const title = packetText(packet);
  const seen = `seen on node ${nodeName}`;
  if (title.length + seen.length + 2 <= WIDTH) {
    return [
      [
        { text: title, tone: 'strong' },
        { text: `, ${seen}`, tone: 'dim' },
      ],
    ];
  }
  return [...labelled('', 0, title, 'strong'), ...labelled('', 0, seen, 'dim')];
}

function describeStep(step: Step): Line[] {
  const tone = step.verdict === 'drop' || step.verdict === 'reject' ? 'bad' : 'plain';
  const reason = stepReason(step);
  if (step.object === null) return labelled(step.hook, COLUMN, reason, tone);
  const named = labelled(step.hook, COLUMN, formatRef(step.object), 'strong');
  return [...named, ...labelled('', COLUMN, reason, tone)];
}

/** The connection that the packet belongs to, if it is translated as planned: which endpoint, and how long. */
function connectionLines({ packet }: Walk, existing: readonly ExistingFlow[] | null): Line[] {
  const [flow] = existing ?? [];
  if (packet.sourcePort === undefined || flow?.asPlanned !== true) return [];
  return labelled('Connection', COLUMN, `exists: ${existingFlowText(packet, flow)}`);
}

function branchLines(branch: Branch): Line[] {
  const { walk } = branch;
  const condition = `${conditionText(branch)}, which no object says, this holds instead:`;
  const [first = [], ...rest] = resultLines(walk, groupPaths(walk.paths));
  return [
    ...labelled('If', COLUMN, condition, 'strong'),
    ...labelled('', COLUMN, reasonOf(walk)),
    [{ text: ''.padEnd(COLUMN), tone: 'dim' }, ...first.slice(1)],
    ...rest,
  ];
}

function endpointLines(endpoints: readonly Endpoint[], most: number): Line[] {
  const room = endpoints.length <= most ? most : most - 1;
  const shown = endpoints.slice(0, room);
  const lines = shown.flatMap((endpoint) => labelled('', COLUMN, `→ ${endpointText(endpoint)}`, 'good'));
  const rest = endpoints.length - shown.length;
  return rest === 0 ? lines : [...lines, ...labelled('', COLUMN, `and ${rest} more`, 'dim')];
}

/** The steps after routing; if endpoints differ, below a line that names the endpoints. */
function groupLines(group: PathGroup, several: boolean, isWhole: boolean): Line[] {
  const lines = several ? labelled('', COLUMN, `${pathsText(group)}:`, 'dim') : [];
  const { shown, folded } = isWhole ? { shown: group.steps, folded: 0 } : foldSteps(group.steps);
  lines.push(...shown.flatMap(describeStep));
  if (folded > 0) lines.push(...labelled('', COLUMN, foldedText(folded), 'dim'));
  return lines;
}

function resultLines(walk: Walk, groups: readonly PathGroup[]): Line[] {
  const [first] = walk.steps;
  if (first?.rule === 'icmp-answer' && first.state === 'unseen') {
    return labelled('Result', COLUMN, 'not known here: it gets what its connection gets', 'dim');
  }
  switch (walk.verdict) {
    case 'drop':
      return labelled('Result', COLUMN, 'dropped: the sender gets no answer', 'bad');
    case 'reject':
      return labelled('Result', COLUMN, 'refused: the sender gets an error at once', 'bad');
    default:
      return groups.flatMap((group, index) => {
        const path = group.paths[0];
        if (path === undefined) return [];
        const label = index === 0 ? 'Result' : '';
        const many = group.paths.length > 1 ? ', or another endpoint' : '';
        const { destination, port } = path.after;
        const tone = walk.verdict === 'none' ? 'plain' : 'good';
        const unchanged = walk.verdict === 'none' ? 'unchanged: ' : '';
        const result = `${unchanged}${sourceAfter(path)} → ${placeText(destination, port)}${many}`;
        return [...labelled(label, COLUMN, result, tone), ...answerLines(walk, group)];
      });
  }
}

/** How an answer to the packet comes back; a packet that is an answer itself has none. */
function answerLines(walk: Walk, group: PathGroup): Line[] {
  const [first] = walk.steps;
  if (first?.rule === 'icmp-answer') return [];
  return labelled('', COLUMN, answerText(walk) ?? replyText(group), 'plain');
}

/** What is said below the result of a packet that is an answer itself; null: it is none. */
function answerText({ steps: [first] }: Walk): string | null {
  if (first?.rule === 'icmp-answer') return '';
  return first?.rule === 'reply' ? `the connection is known ${first.until}` : null;
}

function replyText({ paths }: PathGroup): string {
  const reply = paths[0]?.reply;
  if (reply === undefined || reply.returns === 'not-needed') return 'the reply needs no translation';
  const { sent, seen } = reply;
  const way = `reply: ${placeText(sent.from.address, sent.from.port)} → ${sourceText(sent.to)}`;
  const back = `the sender sees it from ${placeText(seen.from.address, seen.from.port)}`;
  return reply.returns === 'certain'
    ? `${way}; ${back}`
    : `${way}; ${back} if routing brings it back through this node, as it does for this node’s pods`;
}

function pathsText({ paths }: PathGroup): string {
  const endpoints = paths.map(({ endpoint: { address, port } }) => placeText(address, port));
  return `to ${firstFew(endpoints, PATHS_SHOWN)}`;
}

/** `TCP 10.244.1.7 → 10.96.0.10:80`. */
export function packetText(packet: Packet): string {
  const { source, sourcePort, inputInterface, destination, port, protocol, icmp } = packet;
  const from = sourcePort === undefined ? source : formatEndpoint(source, sourcePort);
  const by = inputInterface === undefined ? '' : `, in by ${inputInterface}`;
  const name = icmp === undefined ? protocol : `${protocol} ${icmp.kind}`;
  const about = icmp !== undefined && 'inner' in icmp ? ` about ${innerText(icmp.inner)}` : '';
  return `${name} ${from} → ${placeText(destination, port)}${by}${about}`;
}

/** With the port, if a rule sets it. */
function sourceAfter({ after: { source }, snatPort }: Path): string {
  return typeof snatPort === 'number' && source !== 'node'
    ? formatEndpoint(source, snatPort)
    : sourceText(source);
}

function innerText({ protocol, source, sourcePort, destination, port }: InnerPacket): string {
  return `${protocol} ${formatEndpoint(source, sourcePort)} → ${formatEndpoint(destination, port)}`;
}

function sourceText(source: IpAddress | 'node'): string {
  if (source === 'node') return 'an address of this node';
  return isIpv6(source) ? `[${source}]` : source;
}
