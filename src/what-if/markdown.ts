import type { ToldPackets, WhatIfSummary } from '../forms/what-if.ts';
import { firstFew } from '../model/text.ts';
import { claimText, titleOf } from './lines.ts';

const NODES_SHOWN = 3;

/**
 * For a comment of a merge request. Names and reasons come from manifests, so they are escaped.
 * @param howToSeeAll how the reader gets what is left out, to end a sentence
 */
export function whatIfMarkdown(summary: WhatIfSummary, howToSeeAll: string): string {
  const { nodes, objects, more, claims, moreClaims, unknown, moreUnknown, expectations, connections } =
    summary;
  const where = nodes.length === 1 ? `node ${escaped(nodes[0] ?? '')}` : `${nodes.length} nodes`;
  const count = objects.length + more;
  const leftOut = (count: number, what: string) =>
    count === 0 ? [] : ['', `and ${count} more ${what}${count === 1 ? '' : 's'}: ${escaped(howToSeeAll)}`];
  const parts = [
    count === 0
      ? `**Nothing changes** for any packet on ${where}.`
      : `**Packets of ${count} ${count === 1 ? 'object' : 'objects'} change** on ${where}.`,
  ];
  if (expectations !== null) {
    const { count, broken, moreBroken } = expectations;
    const items = broken.map(({ name, origin, reason }) => `- ${escaped(`${name} (${origin}): ${reason}`)}`);
    const title =
      broken.length === 0
        ? `No expectation of ${count} breaks.`
        : `**${broken.length + moreBroken} of ${count} expectations break:**`;
    const rest = leftOut(moreBroken, 'broken expectation');
    parts.push([title, ...(items.length === 0 ? [] : ['', ...items]), ...rest].join('\n'));
  }
  for (const object of objects) {
    parts.push(
      [
        `#### ${escaped(titleOf(object))}`,
        '',
        '| from | to | before | after |',
        '|---|---|---|---|',
        ...object.lines.map(row),
        ...leftOut(object.more, 'line'),
      ].join('\n'),
    );
  }
  if (more > 0) parts.push(leftOut(more, 'object').join('\n').trim());
  if (claims.length > 0) {
    const rows = claims.map(({ key, before, after }) => cells([key, claimText(before), claimText(after)]));
    parts.push(
      [
        '#### Claims',
        '',
        '| what | before | after |',
        '|---|---|---|',
        ...rows,
        ...leftOut(moreClaims, 'claim'),
      ].join('\n'),
    );
  }
  if (connections !== null)
    parts.push(`${connections.count} existing connections of these packets keep their translation.`);
  if (unknown.length > 0) {
    const items = unknown.map(({ reason }) => `- ${escaped(reason)}`);
    parts.push(
      [
        '<details><summary>Not in these tables</summary>',
        '',
        ...items,
        ...leftOut(moreUnknown, 'note'),
        '',
        '</details>',
      ].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function row({ from, to, ports, before, after, nodes }: ToldPackets): string {
  const on = nodes.length === 0 ? '' : ` (on ${firstFew(nodes, NODES_SHOWN)})`;
  return cells([from, `${to}, ${ports}${on}`, before, after]);
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map(escaped).join(' | ')} |`;
}

/** Plain text in Markdown: no markup, no HTML, no mentions, one line. */
function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[&<>@#\\`*_[\]|~!]/g, (character) => ENTITIES[character] ?? `\\${character}`);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '@': '&#64;',
  '#': '&#35;',
};
