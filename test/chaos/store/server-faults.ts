import { randomBytes } from 'node:crypto';
import { makeCertificates } from '../../cluster/certificates.ts';
import { type LieName, lies } from '../../cluster/simulator/lies.ts';
import type { Simulator } from '../../cluster/simulator/simulator.ts';
import type { ApiRefusal, refusals } from '../../cluster/simulator/status.ts';

/** What the simulator does wrong until it is told to stop. `plural`: only for this resource; null: for all. */
export type ServerFault =
  | { readonly what: 'lies'; readonly lie: LieName; readonly plural: string | null }
  | { readonly what: 'refuses'; readonly how: RefusalName; readonly plural: string | null }
  /** Milliseconds before each answer, and answers in pieces of a few bytes. */
  | { readonly what: 'is slow'; readonly milliseconds: number; readonly inPieces: boolean }
  | { readonly what: 'events'; readonly how: EventFault; readonly plurals: readonly string[] }
  | { readonly what: 'certificate'; readonly isOfAnotherAuthority: boolean };

export type EventFault = 'lost' | 'doubled' | 'repeated later' | 'swapped' | 'no bookmarks' | 'late' | 'cut';

const everything = Number.POSITIVE_INFINITY;

const refusing = {
  '401': (kinds) => kinds.unauthorized(),
  '403': (kinds) => kinds.forbidden('knat', 'list', { group: '', plural: 'services' } as never, '', ''),
  '404': (kinds) => kinds.pathNotFound(),
  '410': (kinds) => kinds.expiredList(),
  '429': (kinds) => kinds.tooManyRequests(0),
  '429 with Retry-After': (kinds) => kinds.tooManyRequests(1),
  '503': (kinds) => kinds.unavailable(0),
  '503 with Retry-After': (kinds) => kinds.unavailable(2),
} satisfies Readonly<Record<string, (kinds: typeof refusals) => ApiRefusal>>;

export type RefusalName = keyof typeof refusing;
export const refusalNames = Object.keys(refusing) as RefusalName[];

export function beginFault(simulator: Simulator, fault: ServerFault): void {
  const { faults } = simulator;
  const where = 'plural' in fault && fault.plural !== null ? { plural: fault.plural } : {};
  switch (fault.what) {
    case 'lies':
      faults.lie(everything, lies[fault.lie], where);
      break;
    case 'refuses':
      faults.refuse(everything, refusing[fault.how], where);
      break;
    case 'is slow':
      faults.slowness = fault.milliseconds;
      faults.tinyChunks = fault.inPieces;
      break;
    case 'events':
      for (const plural of fault.plurals) beginEventFault(simulator, fault.how, plural);
      break;
    case 'certificate': {
      const { certificates } = simulator;
      simulator.presentCertificates(makeCertificates(fault.isOfAnotherAuthority ? null : certificates));
      break;
    }
    default:
      fault satisfies never;
  }
}

/** Ends all faults, and the connections that they left silent. */
export function endFaults(simulator: Simulator): void {
  simulator.faults.clear();
  simulator.presentCertificates(null);
  simulator.cutConnections();
}

const BOOKMARK = '{"type":"BOOKMARK"';

function beginEventFault({ faults }: Simulator, how: EventFault, plural: string): void {
  let kept: string[] = [];
  switch (how) {
    case 'lost':
      // Until the connection ends: with a later event the version would go on, and only the next list would tell.
      faults.lines.set(plural, () => []);
      return;
    case 'doubled':
      faults.lines.set(plural, (line) => [line, line]);
      return;
    case 'repeated later':
      faults.lines.set(plural, (line) => {
        kept.push(line);
        return kept.length % 3 === 0 ? [line, ...kept] : [line];
      });
      return;
    case 'swapped':
      faults.lines.set(plural, (line) => {
        kept.push(line);
        // A list that ends before its last object is one without the object.
        const endsList = line.includes('initial-events-end');
        if (kept.length < 2 && !endsList) return [];
        const lines = endsList ? kept : kept.reverse();
        kept = [];
        return lines;
      });
      return;
    case 'no bookmarks':
      faults.lines.set(plural, (line) => (line.startsWith(BOOKMARK) ? [] : [line]));
      return;
    case 'late':
      faults.late.set(plural, 50 + (randomBytes(1)[0] ?? 0));
      return;
    case 'cut':
      faults.cutNextEvent.add(plural);
      return;
    default:
      how satisfies never;
  }
}
