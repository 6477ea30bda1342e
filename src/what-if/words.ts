import type { PacketFate } from '../forms/walk.ts';
import { firstFew } from '../model/text.ts';
import { formatSpan, type PortSpan } from '../net/port.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressSet, complementOf, formatRange } from '../net/ranges.ts';
import type { Cell } from './cell.ts';
import { shiftedEndpoint } from './json.ts';
import type { Outcome } from './outcome.ts';
import { EVERY_PORT } from './partition.ts';
import type { Both } from './sides.ts';
import { EVERY_SOURCE_PORT } from './source-ports.ts';

const RANGES_SHOWN = 6;
const ENDPOINTS_SHOWN = 6;
const PORTS_SHOWN = 8;

/** `all`, `all except 10.9.0.0/16`, `10.244.0.0/16, 10.9.0.0/16`. */
export function addressesText(set: AddressSet): string {
  const others = complementOf(set);
  if (others.ranges.length === 0) return 'all';
  const list = ({ family, ranges }: AddressSet) =>
    firstFew(
      ranges.map((range) => formatRange(family, range)),
      RANGES_SHOWN,
    );
  return others.ranges.length < set.ranges.length ? `all except ${list(others)}` : list(set);
}

/** `TCP ports 80, 443`, `all protocols and ports`. */
export function portsText({ protocols, ports }: Pick<Cell, 'protocols' | 'ports'>): string {
  const every = protocols === (1 << PROTOCOLS.length) - 1;
  const names = PROTOCOLS.filter((_, index) => (protocols & (1 << index)) !== 0).join(', ');
  if (isEvery(ports, EVERY_PORT)) return every ? 'all protocols and ports' : `${names}, all ports`;
  const list = firstFew(ports.map(formatSpan), PORTS_SHOWN);
  return `${every ? 'all protocols' : names} ${ports.length === 1 && !list.includes('-') ? 'port' : 'ports'} ${list}`;
}

/** Which of the sources: by interface and source port; empty for all. */
export function senderText(
  cell: Cell,
  interfaces: readonly { readonly bit: number; readonly text: string }[],
): string {
  const named = interfaces.filter(({ bit }) => (cell.interfaces & bit) !== 0);
  const by =
    named.length === interfaces.length ? '' : `, in by ${named.map(({ text }) => text).join(' or ')}`;
  if (isEvery(cell.sourcePorts, EVERY_SOURCE_PORT)) return by;
  const known = cell.sourcePorts.filter(({ first }) => first > 0);
  return cell.sourcePorts.length > known.length
    ? `${by}, from other ports than its bindings have`
    : `${by}, from ports ${firstFew(known.map(formatSpan), PORTS_SHOWN)}`;
}

function isEvery(spans: readonly PortSpan[], every: readonly PortSpan[]): boolean {
  return spans.length === 1 && spans[0]?.first === every[0]?.first && spans[0]?.last === every[0]?.last;
}

/** What is different, without what is the same: the shortest true account of an outcome. */
export function differenceText(outcome: Outcome, ports: readonly PortSpan[]): Both<string> {
  const { shifts } = outcome;
  const written = (side: 'before' | 'after') => (shifts[side] ? spread(outcome[side], ports) : outcome[side]);
  const [was, becomes] = [written('before'), written('after')];
  const isSameSource = was.masq === becomes.masq && was.snat === becomes.snat;
  if (was.verdict === 'dnat' && becomes.verdict === 'dnat') {
    if (was.endpoints.join() === becomes.endpoints.join()) {
      return { before: sourceText(was), after: sourceText(becomes) };
    }
    if (isSameSource) {
      const gone = was.endpoints.filter((one) => !becomes.endpoints.includes(one));
      const come = becomes.endpoints.filter((one) => !was.endpoints.includes(one));
      const kept = becomes.endpoints.length - come.length;
      const same = kept === 1 ? 'the same endpoint' : `the same ${kept} endpoints`;
      const side = (own: readonly string[]) =>
        [kept === 0 ? '' : same, endpointsText(own)].filter((part) => part !== '').join(' and ');
      return { before: `to ${side(gone)}`, after: `to ${side(come)}` };
    }
  }
  return { before: fateText(was), after: fateText(becomes) };
}

/** The endpoint of each port of a range, as a range. */
function spread(fate: PacketFate, ports: readonly PortSpan[]): PacketFate {
  const [span] = ports;
  if (span === undefined || span.first === span.last) return fate;
  return {
    ...fate,
    endpoints: fate.endpoints.map((text) => {
      const last = shiftedEndpoint(text, span.last - span.first);
      return `${text}-${last.slice(last.lastIndexOf(':') + 1)}`;
    }),
  };
}

export function fateText(fate: PacketFate): string {
  switch (fate.verdict) {
    case 'drop':
      return 'dropped';
    case 'reject':
      return 'refused';
    case 'dnat':
      return `to ${endpointsText(fate.endpoints)}, ${sourceText(fate)}`;
    case 'snat':
    case 'none':
      return sourceText(fate);
    default:
      return fate.verdict satisfies never;
  }
}

function endpointsText(endpoints: readonly string[]): string {
  return firstFew(endpoints, ENDPOINTS_SHOWN);
}

function sourceText({ masq, snat }: PacketFate): string {
  if (!masq) return 'the source stays';
  if (snat === null) return 'the source depends on the endpoint';
  return snat === 'node' ? 'the source becomes an address of the node' : `the source becomes ${snat}`;
}
