import type { ListingEnd } from '../../flows/listing.ts';
import type { FlowReport } from '../../flows/report.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { LongTable } from '../table.ts';

type Lines = AsyncIterable<readonly string[]>;

const HEADINGS = ['PROTO', 'FROM', 'TO', 'ANSWERED BY', 'LEAVES AS', 'BY', 'EXPIRES', 'BYTES', 'NOTE'];

/** Prints a listing while it comes; nothing of it is kept. */
export async function printFlows(lines: Lines, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  if (values.output === 'yaml') {
    const flows: unknown[] = [];
    await eachFlow(lines, (text) => flows.push(JSON.parse(text)));
    return await printData(terminal, 'yaml', flows, () => {});
  }
  if (values.output === 'json') {
    let between = '[';
    await eachPiece(lines, (texts) => {
      terminal.print(`${between}${texts.join(',\n ')}`);
      between = ' ,';
    });
    terminal.print(between === '[' ? '[]' : ']');
    return;
  }
  const table = new LongTable(terminal, HEADINGS);
  const end = await eachFlow(lines, (text) => table.add(rowOf(JSON.parse(text) as FlowReport)));
  table.flush();
  terminal.printError(endText(end));
}

/** Calls back with each flow's text; gives what the listing says at its end. */
export async function eachFlow(lines: Lines, visit: (text: string) => void): Promise<ListingEnd> {
  return await eachPiece(lines, (texts) => {
    for (const text of texts) visit(text);
  });
}

/** The last line is the end, `{"end":…}`. An answer without one was broken off. */
async function eachPiece(lines: Lines, visit: (texts: readonly string[]) => void): Promise<ListingEnd> {
  for await (const piece of lines) {
    const last = piece.at(-1);
    const isEnd = last?.startsWith('{"end":') === true;
    const texts = isEnd ? piece.slice(0, -1) : piece;
    if (texts.length > 0) visit(texts);
    if (isEnd && last !== undefined) return (JSON.parse(last) as { end: ListingEnd }).end;
  }
  throw new Error('the agent broke the listing off');
}

/** Prints events as they come. */
export async function watchFlows(lines: Lines, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  const table = new LongTable(terminal, ['EVENT', ...HEADINGS]);
  if (values.output === undefined || values.output === 'table') table.flush();
  for await (const piece of lines) {
    for (const text of piece) {
      if (values.output === 'json') {
        terminal.print(text);
        continue;
      }
      const told = JSON.parse(text) as { event: string; flow?: FlowReport };
      if (values.output === 'yaml') await printData(terminal, 'yaml', [told], () => {});
      else if (told.flow === undefined)
        table.add([told.event, 'events came faster than they could be taken']);
      else table.add([told.event, ...rowOf(told.flow)]);
    }
    if (values.output === undefined || values.output === 'table') table.flush();
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

function rowOf(flow: FlowReport): string[] {
  const { original, destinationNat, sourceNat } = flow;
  return [
    flow.protocol,
    named(original.source, flow.from),
    original.destination,
    destinationNat === null && flow.to === null ? '' : named(flow.reply.source, flow.to),
    sourceNat?.address ?? '',
    [destinationNat, sourceNat]
      .filter((nat) => nat !== null)
      .map(({ kind, object }) => object ?? kind)
      .join(', '),
    flow.timeoutSeconds === null ? '' : `${flow.timeoutSeconds} s`,
    flow.bytes === null ? '' : String(flow.bytes),
    flow.stale === null ? (flow.replied ? '' : 'no reply yet') : `stale: ${flow.stale}`,
  ];
}

function named(place: string, name: string | null): string {
  return name === null ? place : `${place} ${name}`;
}
