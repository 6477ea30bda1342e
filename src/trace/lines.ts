/** A trace in lines of 80 columns, for a terminal. */
import { labelled } from '../explain/lines.ts';
import type { TraceExplained, TraceLine, TracePacket, TraceStep } from '../forms/trace.ts';
import type { Line } from '../forms/walk.ts';
import { firstFew } from '../model/text.ts';

const COLUMN = 13;
const ENDPOINTS_SHOWN = 4;

export function traceLines(line: TraceLine): Line[] {
  switch (line.event) {
    case 'started': {
      const { protocol, source, destination, node, count, seconds, explained } = line;
      const packets = count === 1 ? 'the next packet' : `the next ${count} packets`;
      const title = `${protocol} ${source} → ${destination} on node ${node}: ${packets}, at most ${seconds} s`;
      const said =
        explained === null
          ? []
          : labelled('Explain says', COLUMN, `${explainedText(explained)}: ${explained.because}`, 'dim');
      const way = explained?.way ?? null;
      const whole = way === null ? [] : labelled('', COLUMN, `with all rules and routes: ${way}`, 'dim');
      return [...labelled('', 0, title, 'strong'), ...said, ...whole];
    }
    case 'packet':
      return packetLines(line.packet);
    case 'waiting':
      return [];
    case 'lost':
      return labelled(
        '',
        0,
        'The kernel told more than could be read: steps and packets are missing.',
        'bad',
      );
    case 'end':
      return endLines(line);
    default:
      return line satisfies never;
  }
}

function packetLines(packet: TracePacket): Line[] {
  const { number, at, protocol, details, before, after, isReply, steps, outcome, differs } = packet;
  const clock = at.slice(11, 23);
  const what = [isReply ? 'reply' : '', protocol, `${before.source} → ${before.destination}`, details];
  const lines: Line[] = [
    [],
    ...labelled('', 0, `${number}  ${clock}  ${what.filter(Boolean).join(' ')}`, 'strong'),
  ];
  lines.push(...labelled('Came', COLUMN, cameText(packet), 'dim'), []);
  let hook = '';
  for (const step of steps.filter(isTold)) {
    lines.push(...stepLines(step, step.hook === hook ? '' : step.hook));
    hook = step.hook;
  }
  if (packet.cut > 0) lines.push(...labelled('', COLUMN, `${packet.cut} more steps are not listed`, 'dim'));
  if (steps.some(isTold)) lines.push([]);
  const isChanged = before.source !== after.source || before.destination !== after.destination;
  const changed = `${after.source} → ${after.destination}${isChanged ? '' : ', unchanged'}`;
  const isBad = outcome.kind === 'dropped' || outcome.kind === 'rejected' || outcome.kind === 'gone';
  lines.push(...labelled('Result', COLUMN, `${changed}; ${outcome.text}`, isBad ? 'bad' : 'strong'));
  if (packet.incomplete)
    lines.push(...labelled('', COLUMN, 'notifications were lost: steps may be missing', 'bad'));
  if (differs !== null) lines.push(...labelled('DIFFERS', COLUMN, differs, 'bad'));
  else if (packet.compared) lines.push(...labelled('Explain', COLUMN, 'says the same', 'good'));
  else if (packet.explained !== null && !packet.incomplete) {
    const text =
      'is about first packets; this one belongs to an existing connection, which keeps its translation';
    lines.push(...labelled('Explain', COLUMN, text, 'dim'));
  }
  return lines;
}

function cameText({ in: input, length, connection }: TracePacket): string {
  const by = input === null ? 'sent by this node' : `in by ${input}`;
  const parts = [by, `${length} bytes`];
  if (connection !== null) {
    const { state, id, direction } = connection;
    const which = id === null ? '' : `connection ${id}, `;
    const way = direction === 'reply' ? ', reply direction' : '';
    parts.push(`${which}${state ?? 'state not known'}${way}`);
  }
  return parts.join(', ');
}

/** What every packet meets and what changes nothing is left out. */
function isTold({ handle, verdict }: TraceStep): boolean {
  return handle !== null || verdict === 'drop';
}

function stepLines({ table, chain, rule, verdict, object, handle }: TraceStep, hook: string): Line[] {
  const where = `${table}, chain ${chain}${object === null ? '' : `: ${object}`}`;
  const text = rule ?? `rule ${handle}, which is gone; its verdict: ${verdict}`;
  return [
    ...labelled(hook, COLUMN, where, object === null ? 'plain' : 'strong'),
    ...labelled('', COLUMN + 2, text, verdict === 'drop' ? 'bad' : 'dim'),
  ];
}

/** `to 10.244.1.6:8080 with an address of this node as source` */
export function explainedText({ verdict, endpoints, masq, snat }: TraceExplained): string {
  if (verdict === 'drop') return 'dropped';
  if (verdict === 'reject') return 'rejected';
  const to = verdict === 'dnat' ? `to ${firstFew(endpoints, ENDPOINTS_SHOWN)}` : 'the destination stays';
  if (!masq) return `${to}, the source stays`;
  if (snat === null) return `${to}, and the source depends on the endpoint`;
  return `${to}, with ${snat === 'node' ? 'an address of this node' : snat} as source`;
}

function endLines({ because, packets, more, lost }: Extract<TraceLine, { event: 'end' }>): Line[] {
  const told = packets === 0 ? 'no packet came' : packets === 1 ? '1 packet' : `${packets} packets`;
  const why =
    because === 'time'
      ? ', and the time is over'
      : because === 'removed'
        ? '; something removed the trace'
        : '';
  const lines = [[], ...labelled('', 0, `${told}${why}`, 'dim')];
  if (more > 0) lines.push(...labelled('', 0, `${more} more packets matched and were not shown`, 'dim'));
  if (lost) lines.push(...labelled('', 0, 'Some notifications were lost.', 'bad'));
  return lines;
}
