import type { FlowEvent, FlowLine, FlowReport, ListingEnd } from '../../forms/flows.ts';
import { printableJson } from '../../model/printable.ts';
import { linesOf } from '../../observe/client.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { LongTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const BROKEN_OFF = 'the agent stopped the listing before its end';

type Pieces = AsyncIterable<Uint8Array>;

/** Prints a listing while it arrives, without buffering it. */
export async function printFlows(pieces: Pieces, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  if (values.output === 'yaml') {
    const flows: FlowReport[] = [];
    await eachFlow(pieces, (flow) => flows.push(flow));
    return await printData(terminal, 'yaml', flows, () => {});
  }
  if (values.output === 'json') return await printArray(pieces, terminal);
  const table = new LongTable(terminal, FLOW_COLUMNS);
  const end = await eachFlow(pieces, (flow) => table.add(flowCells(flow)));
  table.flush();
  terminal.printErrorLine(endText(end));
}

/** Returns the listing's last line. */
export async function eachFlow(pieces: Pieces, visit: (flow: FlowReport) => void): Promise<ListingEnd> {
  for await (const lines of linesOf(pieces)) {
    for (const text of lines) {
      const line: FlowLine = JSON.parse(text);
      if ('end' in line) return line.end;
      visit(line);
    }
  }
  throw new Error(BROKEN_OFF);
}

/** Turns lines of JSON into an array without parsing them. Bytes are read as ISO 8859-1 and written back unchanged. */
async function printArray(pieces: Pieces, terminal: Terminal): Promise<void> {
  let between = '[';
  let rest = '';
  for await (const piece of pieces) {
    const text = rest + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
    const stop = text.lastIndexOf('\n');
    rest = text.slice(stop + 1);
    if (stop < 0) continue;
    const last = text.lastIndexOf('\n', stop - 1) + 1;
    // The last line is the end; without it the answer is incomplete.
    const isEnd = text.startsWith('{"end":', last);
    const whole = isEnd ? text.slice(0, Math.max(0, last - 1)) : text.slice(0, stop);
    if (whole !== '') {
      const lines = `${between}${whole.replaceAll('\n', ',\n ')}\n`;
      // ASCII needs no search for unprintable characters.
      const isPlain = !/[^\n\x20-\x7e]/.test(lines);
      const bytes = Buffer.from(lines, 'latin1');
      terminal.write(isPlain ? bytes : Buffer.from(printableJson(bytes.toString('utf8'))));
      between = ' ,';
    }
    if (isEnd) return terminal.print(between === '[' ? '[]' : ']');
  }
  throw new Error(BROKEN_OFF);
}

export async function watchFlows(pieces: Pieces, values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  const { output = 'table' } = values;
  const table = output === 'table' ? new LongTable(terminal, ['EVENT', ...FLOW_COLUMNS]) : null;
  table?.flush();
  for await (const lines of linesOf(pieces)) {
    for (const line of lines) {
      if (output === 'json') terminal.print(printableJson(line));
      else if (output === 'yaml') await printData(terminal, 'yaml', [JSON.parse(line)], () => {});
      else table?.add(eventCells(JSON.parse(line)));
    }
    table?.flush();
  }
}

function eventCells(line: FlowEvent): string[] {
  if (line.event === 'lost') return [line.event, 'events arrived faster than they could be read'];
  return [line.event, ...flowCells(line.flow)];
}

/** docs/flows.md explains them. */
const FLOW_COLUMNS: readonly string[] = [
  ...['PROTO', 'FROM', 'TO', 'ANSWERED BY', 'LEAVES AS', 'BY', 'EXPIRES', 'BYTES', 'NOTE'],
];

function flowCells(flow: FlowReport): string[] {
  const { original, reply, destinationNat, sourceNat, timeoutSeconds, bytes, stale, replied } = flow;
  const named = (place: string, name: string | null) => (name === null ? place : `${place} ${name}`);
  const by = [destinationNat, sourceNat].flatMap((nat) => (nat === null ? [] : [nat.object ?? nat.kind]));
  return [
    flow.protocol,
    named(original.source, flow.from),
    original.destination,
    destinationNat === null && flow.to === null ? '' : named(reply.source, flow.to),
    sourceNat?.address ?? '',
    by.join(', '),
    timeoutSeconds === null ? '' : `${timeoutSeconds} s`,
    String(bytes ?? ''),
    stale === null ? (replied ? '' : 'no reply yet') : `stale: ${stale}`,
  ];
}

function endText({ looked, listed, cut, stale, accounting }: ListingEnd): string {
  const limited = cut ? ' (the limit)' : '';
  const notes = [`${listed} flows${limited} of ${looked} connections`];
  if (stale > 0) notes.push(`${stale} stale: the present plan would translate them differently`);
  if (!accounting && listed > 0) {
    notes.push('no bytes without accounting: sysctl net.netfilter.nf_conntrack_acct=1');
  }
  return notes.join('; ');
}
