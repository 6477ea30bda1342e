import { FLOW_COLUMNS, type FlowFormat } from '../../flows/flow-lines.ts';
import type { ListingEnd } from '../../flows/listing.ts';
import { printableJson } from '../../model/printable.ts';
import { linesOf } from '../../observe/client.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { LongTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const BROKEN_OFF = 'the agent broke the listing off';

type Pieces = AsyncIterable<Uint8Array>;

/** What is asked of the agent for what is to be printed: cells for a table, else JSON. */
export function formatFor({ output }: SettingValues): FlowFormat {
  return output === undefined || output === 'table' ? 'tsv' : 'ndjson';
}

/** Prints a listing of `formatFor` while it comes; nothing of it is kept. */
export async function printFlows(pieces: Pieces, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  if (values.output === 'yaml') {
    const flows: unknown[] = [];
    await eachFlow(pieces, (text) => flows.push(JSON.parse(text)));
    return await printData(terminal, 'yaml', flows, () => {});
  }
  if (values.output === 'json') return await printArray(pieces, terminal);
  const table = new LongTable(terminal, FLOW_COLUMNS);
  const end = await eachFlow(pieces, (text) => table.add(text.split('\t')));
  table.flush();
  terminal.printErrorLine(endText(end));
}

/** Calls back with each flow's line; gives what the listing says at its end. */
export async function eachFlow(pieces: Pieces, visit: (line: string) => void): Promise<ListingEnd> {
  for await (const lines of linesOf(pieces)) {
    const end = endOf(lines.at(-1));
    for (let i = 0; i < lines.length - (end === null ? 0 : 1); i++) visit(lines[i] as string);
    if (end !== null) return end;
  }
  throw new Error(BROKEN_OFF);
}

/**
 * Makes lines of JSON one array, a flow a line, without looking at what they say. Bytes are taken for characters of
 * ISO 8859-1 and made bytes again, which changes none of them.
 */
async function printArray(pieces: Pieces, terminal: Terminal): Promise<void> {
  let between = '[';
  let rest = '';
  for await (const piece of pieces) {
    const text = rest + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
    const stop = text.lastIndexOf('\n');
    rest = text.slice(stop + 1);
    if (stop < 0) continue;
    const last = text.lastIndexOf('\n', stop - 1) + 1;
    const isEnd = stop > 0 && endOf(text.slice(last, stop)) !== null;
    const whole = isEnd ? text.slice(0, Math.max(0, last - 1)) : text.slice(0, stop);
    if (whole !== '') {
      const lines = `${between}${whole.replaceAll('\n', ',\n ')}\n`;
      // Of texts in ASCII nothing is to be looked for.
      const isPlain = !/[^\n\x20-\x7e]/.test(lines);
      const bytes = Buffer.from(lines, 'latin1');
      terminal.write(isPlain ? bytes : Buffer.from(printableJson(bytes.toString('utf8'))));
      between = ' ,';
    }
    if (isEnd) return terminal.print(between === '[' ? '[]' : ']');
  }
  throw new Error(BROKEN_OFF);
}

/** The last line is the end, `{"end":…}`. An answer without one was broken off. */
function endOf(line: string | undefined): ListingEnd | null {
  return line?.startsWith('{"end":') === true ? (JSON.parse(line) as { end: ListingEnd }).end : null;
}

/** Prints events of `formatFor` as they come. */
export async function watchFlows(pieces: Pieces, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  const table = formatFor(values) === 'tsv' ? new LongTable(terminal, ['EVENT', ...FLOW_COLUMNS]) : null;
  table?.flush();
  for await (const lines of linesOf(pieces)) {
    for (const line of lines) {
      if (values.output === 'json') terminal.print(printableJson(line));
      else if (values.output === 'yaml') await printData(terminal, 'yaml', [JSON.parse(line)], () => {});
      else
        table?.add(
          line === 'lost' ? [line, 'events came faster than they could be taken'] : line.split('\t'),
        );
    }
    table?.flush();
  }
}

function endText({ looked, listed, cut, stale, accounting }: ListingEnd): string {
  const limited = cut ? ' (the limit)' : '';
  const notes = [`${listed} flows${limited} of ${looked} connections`];
  if (stale > 0) notes.push(`${stale} stale: they would be translated otherwise now`);
  if (!accounting && listed > 0) {
    notes.push('no bytes without accounting: sysctl net.netfilter.nf_conntrack_acct=1');
  }
  return notes.join('; ');
}
