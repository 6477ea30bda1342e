import { valueText } from '../../src/datapath/nftables/ruleset/text.ts';
import type { WhileUnread } from '../../src/datapath/nftables/set-table.ts';
import { allSets, type SetRow } from '../../src/datapath/nftables/sets.ts';

/** The meaning of each word of the last column. A missing word does not compile. */
const meanings: Readonly<Record<WhileUnread, string>> = {
  plan: 'the plan decides: the elements come from no object',
  entry: 'elements that belong to no entry of the plan stay',
  'entry and value':
    'as `entry`; while a Node cannot be read, the value of an element does not change either',
  union: 'the ranges of the plan and the ranges in the kernel, together',
  'plan first': 'elements stay while the plan has none',
  'standing first': 'elements stay; those of the plan come only into an empty set',
  'all but pods': 'ranges stay, without the addresses that the plan knows as pods',
  source: 'elements of one source stay or go together (`src/datapath/nftables/unread.ts`)',
  packets: 'packets write the elements, not the agent; they stay when the table is replaced',
};

/** The text of docs/design/sets.md. */
export function setsDocument(): string {
  const rows = allSets('IPv4').map(
    (set) =>
      `| \`${set.name}\` | ${keyText(set)} | ${dataText(set)} | ${set.comment} | ${list(set.entries)}${set.isShared ? ' (shared)' : ''} | ${list(set.objects)} | ${set.unread} |`,
  );
  const legend = Object.entries(meanings).map(([name, meaning]) => `| ${name} | ${meaning} |`);
  return `# Sets and maps

Every set and map of the table \`knat\`, as \`src/datapath/nftables/set-table.ts\` declares them; the table of IPv6 is the same with
IPv6 addresses. This page is made from the program by \`scripts/generate-docs\`, and a test compares the two. \`packet-path.md\` shows
the chains that look into the sets, \`ruleset.md\` how to add one.

| set or map | key | value | what it holds | from plan entries | which come from objects | while one of these objects cannot be read |
|---|---|---|---|---|---|---|
${rows.join('\n')}

Shared elements belong to several entries: an element stays as long as one of them is there.

## While an object cannot be read

This is about the time after a start, until every object can be read. An object that becomes unreadable later keeps its last good state.
\`docs/adr/0011-unread-objects.md\` says why.

| word | what happens to the elements in the kernel |
|---|---|
${legend.join('\n')}
`;
}

function keyText({ key, interval }: SetRow): string {
  return `${code(valueText(key))}${interval ? ', ranges' : ''}`;
}

function dataText({ data, intervalData, dynamicSize }: SetRow): string {
  const value = data === null ? '' : data === 'verdict' ? data : code(valueText(data));
  const most = dynamicSize === null ? '' : `; at most ${dynamicSize} elements, each with a timeout`;
  return `${value}${intervalData ? ', ranges' : ''}${most}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
