import { grouped } from '../../base/collect.ts';
import type { Line, WalkJson } from '../../forms/walk.ts';
import { labelled } from '../lines.ts';
import { afterText, ownerText } from './way.ts';

type Way = NonNullable<WalkJson['way']>;
type WayEnd = Way['ends'][number];

const COLUMN = 13;
/** Groups of ends, and undecided rules, that are written; the JSON form has all. */
const MOST_ENDS = 4;
const MOST_ASSUMED = 6;

/**
 * What other programs and routing do with the packet, then the result.
 * @param answer what stands below the result of a packet that is an answer itself; null: how its reply comes back
 */
export function wayLines(way: Way, packet: WalkJson['packet'], answer: string | null = null): Line[] {
  const certain = way.ends.filter(({ assumes }) => assumes.length === 0);
  const open = way.ends.filter(({ assumes }) => assumes.length > 0);
  return [
    ...rulesLines(certain.length > 0 ? certain : open),
    [],
    ...resultLines(way, certain, packet, answer),
    ...dependsLines(open),
    ...way.limits.flatMap((limit) => labelled('Not examined', COLUMN, limit, 'bad')),
  ];
}

function rulesLines(ends: readonly WayEnd[]): Line[] {
  const seen = new Set<string>();
  const lines: Line[] = [];
  for (const { hook, rule, effect, after } of ends.flatMap(({ rules }) => rules)) {
    const key = JSON.stringify([hook, rule]);
    if (seen.has(key)) continue;
    seen.add(key);
    lines.push(...labelled(hook, COLUMN, ownerText(rule), 'strong'));
    lines.push(...labelled('', COLUMN, rule.text, 'dim'));
    const tone = effect === 'drop' || effect === 'reject' ? 'bad' : 'plain';
    lines.push(...labelled('', COLUMN, effectText(effect, after), tone));
  }
  return lines;
}

function effectText(effect: string, after: WayEnd['after']): string {
  switch (effect) {
    case 'masquerade':
    case 'snat':
      return `the source becomes ${after.source === 'node' ? 'an address of this node' : after.source}`;
    case 'dnat':
    case 'redirect':
      return `the destination becomes ${afterText(after).split(' → ')[1]}`;
    case 'drop':
      return 'dropped';
    case 'reject':
      return 'refused';
    case 'notrack':
      return 'connection tracking is left out, so nothing is translated, by knat neither';
    default:
      return 'knat cannot follow what this does';
  }
}

function resultLines(
  way: Way,
  certain: readonly WayEnd[],
  packet: WalkJson['packet'],
  answer: string | null,
): Line[] {
  if (certain.length === 0) return labelled('Result', COLUMN, 'it depends:', 'strong');
  const groups = [
    ...grouped(certain, ({ fate, by, because, after, output, rules }) =>
      JSON.stringify([fate, by, because, after.source, output, rules.map(({ rule }) => rule)]),
    ).values(),
  ];
  const lines = groups.slice(0, MOST_ENDS).flatMap((group, index) => {
    const [first] = group;
    if (first === undefined) return [];
    const others = group.length > 1 ? ', or another endpoint' : '';
    const tone = first.fate === 'dropped' || first.fate === 'rejected' ? 'bad' : 'good';
    const result = labelled(index === 0 ? 'Result' : '', COLUMN, `${endText(first, packet)}${others}`, tone);
    return [...result, ...labelled('', COLUMN, belowResult(first, packet, answer), 'plain')].filter(
      (line) => line.length > 1 && line[1]?.text !== '',
    );
  });
  const { input } = way;
  const by =
    input === null
      ? ''
      : `in by ${input.interface}${input.assumed ? ' (the interface by which the sender is reached)' : ''}`;
  return [...lines, ...(by === '' ? [] : labelled('', COLUMN, by, 'dim'))];
}

function endText(
  { fate, by, because, after, output, rules, endpoint }: WayEnd,
  packet: WalkJson['packet'],
): string {
  const where = endpoint === null ? '' : ` on the way to ${endpoint}`;
  const why = because === '' ? '' : `: ${because}`;
  switch (fate) {
    case 'dropped':
      return `dropped${where}${by === null ? '' : ` by ${ownerText(by)}`}${why}`;
    case 'rejected':
      return `refused${where}${by === null ? '' : ` by ${ownerText(by)}`}${why}`;
    case 'unknown':
      return `not known${where}${by === null ? '' : `, because of ${ownerText(by)}`}${why}`;
    case 'delivered':
    case 'sent': {
      const isSame =
        after.source === packet.source &&
        after.destination === packet.destination &&
        after.port === packet.port;
      const last = rules
        .filter(({ effect }) => TRANSLATIONS[effect] !== undefined)
        .map(({ effect, rule }) => `${TRANSLATIONS[effect]} by ${ownerText(rule)}`);
      const leaves = fate === 'delivered' ? 'to this node itself' : `leaves by ${output}`;
      return [`${isSame ? 'unchanged: ' : ''}${afterText(after)}, ${leaves}`, ...last].join('; ');
    }
  }
}

const TRANSLATIONS: Readonly<Record<string, string>> = {
  masquerade: 'masqueraded',
  snat: 'source translated',
  dnat: 'sent there',
  redirect: 'redirected',
};

function belowResult(end: WayEnd, packet: WalkJson['packet'], answer: string | null): string {
  if (end.fate !== 'sent' && end.fate !== 'delivered') return '';
  return answer ?? replyText(end, packet);
}

function replyText({ after }: WayEnd, packet: WalkJson['packet']): string {
  const hasNewSource = after.source !== packet.source;
  const hasNewEnd = after.destination !== packet.destination || after.port !== packet.port;
  if (!hasNewSource && !hasNewEnd) return 'the reply needs no translation';
  const seen = `the sender sees the reply from ${afterText({ ...after, destination: packet.destination, port: packet.port }).split(' → ')[1]}`;
  return hasNewSource
    ? seen
    : `${seen} if routing brings it back through this node, as it does for this node’s pods`;
}

function dependsLines(open: readonly WayEnd[]): Line[] {
  const shown = open.slice(0, MOST_ASSUMED);
  const lines = shown.flatMap((end, index) => {
    const why = end.assumes.map(({ dependsOn }) => dependsOn);
    const last = end.assumes.at(-1);
    const rule =
      last === undefined
        ? ''
        : `: ${ownerText(last.rule)}${last.rule.text === '' ? '' : `, ${last.rule.text}`}`;
    const result = shortText(end);
    return labelled(
      index === 0 ? 'Depends' : '',
      COLUMN,
      `on ${[...new Set(why)].join(' and ')}${rule}. If it matches: ${result}`,
      'strong',
    );
  });
  const left = open.length - shown.length;
  return left === 0 ? lines : [...lines, ...labelled('', COLUMN, `and ${left} more`, 'dim')];
}

function shortText({ fate, after, by, because, output }: WayEnd): string {
  switch (fate) {
    case 'dropped':
      return 'dropped';
    case 'rejected':
      return 'refused';
    case 'unknown':
      return `not known${because === '' ? '' : `: ${because}`}${by === null ? '' : ` (chain ${by.chain})`}`;
    case 'delivered':
      return `${afterText(after)}, to this node itself`;
    case 'sent':
      return `${afterText(after)}, leaves by ${output}`;
  }
}
