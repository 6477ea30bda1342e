import { firstFew } from '../model/text.ts';
import type { WhatIf } from './answer.ts';
import { claimText } from './lines.ts';
import { type Told, toldChanges } from './told.ts';

/** Further objects are only counted: a comment of a merge request has a limit. */
const OBJECTS_SHOWN = 50;
const LINES_SHOWN = 20;
const NODES_SHOWN = 3;

/** For a comment of a merge request. Names and reasons come from manifests, so they are escaped. */
export function whatIfMarkdown(whatIf: WhatIf): string {
  const { changes, nodes, claims, unknown, expectations, connections } = whatIf;
  const where = nodes.length === 1 ? `node ${escaped(nodes[0] ?? '')}` : `${nodes.length} nodes`;
  const told = toldChanges(changes, nodes);
  const parts = [
    changes.length === 0
      ? `**Nothing changes** for any packet on ${where}.`
      : `**Packets of ${told.length} ${told.length === 1 ? 'object' : 'objects'} change** on ${where}.`,
  ];
  const broken = (expectations ?? []).filter(({ breaks }) => breaks);
  if (expectations !== null) {
    const items = broken.map(({ name, origin, reason }) => `- ${escaped(`${name} (${origin}): ${reason}`)}`);
    const title =
      broken.length === 0
        ? `No expectation of ${expectations.length} breaks.`
        : `**${broken.length} of ${expectations.length} expectations break:**`;
    parts.push([title, ...(items.length === 0 ? [] : ['', ...items])].join('\n'));
  }
  for (const { object, lines } of told.slice(0, OBJECTS_SHOWN)) {
    parts.push(
      [
        `#### ${object === '' ? 'No object' : escaped(object)}`,
        '',
        '| from | to | before | after |',
        '|---|---|---|---|',
        ...lines.slice(0, LINES_SHOWN).map(row),
        ...(lines.length > LINES_SHOWN ? ['', `and ${lines.length - LINES_SHOWN} more`] : []),
      ].join('\n'),
    );
  }
  if (told.length > OBJECTS_SHOWN) parts.push(`and ${told.length - OBJECTS_SHOWN} more objects`);
  if (claims.length > 0) {
    const rows = claims
      .slice(0, LINES_SHOWN)
      .map(({ key, before, after }) => cells([key, claimText(before), claimText(after)]));
    const more = claims.length > LINES_SHOWN ? ['', `and ${claims.length - LINES_SHOWN} more`] : [];
    parts.push(
      ['#### Claims', '', '| what | before | after |', '|---|---|---|', ...rows, ...more].join('\n'),
    );
  }
  if (connections !== null)
    parts.push(`${connections.count} existing connections of these packets keep their translation.`);
  if (unknown.length > 0) {
    const items = unknown.map(({ reason }) => `- ${escaped(reason)}`);
    parts.push(
      ['<details><summary>Not in these tables</summary>', '', ...items, '', '</details>'].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function row({ from, to, ports, difference, nodes }: Told): string {
  const on = nodes.length === 0 ? '' : ` (on ${firstFew(nodes, NODES_SHOWN)})`;
  return cells([from, `${to}, ${ports}${on}`, difference.before, difference.after]);
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
