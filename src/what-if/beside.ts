import { unknownReason } from '../explain/reason.ts';
import type { Unknown } from '../explain/walk.ts';
import type { WhatIfJson } from '../forms/what-if.ts';
import { formatRef } from '../model/object.ts';
import { formatEndpoint } from '../net/address.ts';
import { formatSpan } from '../net/port.ts';
import { formatSet } from '../plan/canonical.ts';
import type { PlanEntry } from '../plan/entry.ts';
import type { PacketChange } from './classes.ts';
import type { Comparison } from './comparison.ts';
import type { Both } from './sides.ts';

type Note = WhatIfJson['unknown'][number];

/** Fields of a class say these: it names its interfaces and source ports. */
const SAID: readonly Unknown[] = ['input-interface', 'source-port'];

/** What the classes do not say: facts that no plan knows, and settings that differ and change no fate. */
export function besideClasses(comparison: Comparison, changes: readonly PacketChange[]): Note[] {
  const unknown = new Set(
    [...new Set(changes.map(({ cell }) => cell.outcome.form))].flatMap(({ unknown }) => [...unknown]),
  );
  return [
    ...[...comparison.changed.values()].flatMap(({ before, after }) => beside(before, after)),
    ...[...unknown]
      .filter((about) => !SAID.includes(about))
      .map((about) => ({ about, reason: unknownReason(about) })),
  ];
}

function beside(before: PlanEntry | undefined, after: PlanEntry | undefined): Note[] {
  const kind = before?.kind ?? after?.kind;
  const either = after ?? before;
  if (either === undefined) return [];
  if (kind === 'ServiceHealthCheck') return healthCheck(before, after);
  if (before === undefined || after === undefined) return [];
  if (before.kind === 'ServiceFrontend' && after.kind === 'ServiceFrontend') {
    return note('affinity', `${formatRef(after.owner)}, ${after.key}: session affinity`, {
      before: secondsText(before.affinityTimeoutSeconds),
      after: secondsText(after.affinityTimeoutSeconds),
    });
  }
  if (before.kind === 'PodSourcePort' && after.kind === 'PodSourcePort') {
    const text = ({ snat, portCount }: typeof before) =>
      formatSpan({ first: snat.port, last: snat.port + portCount - 1 });
    const from = formatEndpoint(after.tuple.address, after.tuple.port);
    const what = `${formatRef(after.owner)}: the port that connections from ${from}/${after.tuple.protocol} leave with`;
    return note('source-port', what, { before: text(before), after: text(after) });
  }
  if (before.kind === 'FamilyScope' && after.kind === 'FamilyScope') {
    const filter = { before: before.egress.interfaceFilter, after: after.egress.interfaceFilter };
    const ports = { before: before.egress.ports, after: after.egress.ports };
    const spans = (list: typeof ports.before) => list.map(formatSpan).join(', ') || 'any';
    const dropped = {
      before: formatSet(before.invalidDropped).join(', ') || 'none',
      after: formatSet(after.invalidDropped).join(', ') || 'none',
    };
    return [
      ...note('egress-interface', 'natOutgoingInterfaceFilter', {
        before: filter.before ?? 'all interfaces',
        after: filter.after ?? 'all interfaces',
      }),
      ...note('source-ports', `${after.family}: the source ports of pools`, {
        before: spans(ports.before),
        after: spans(ports.after),
      }),
      ...note('invalid-packets', `${after.family}: pods whose invalid packets are dropped`, dropped),
    ];
  }
  return [];
}

function healthCheck(before: PlanEntry | undefined, after: PlanEntry | undefined): Note[] {
  const text = (entry: PlanEntry | undefined) =>
    entry?.kind === 'ServiceHealthCheck' ? (entry.localEndpoints > 0 ? 'healthy' : 'unhealthy') : 'none';
  const entry = after ?? before;
  if (entry?.kind !== 'ServiceHealthCheck') return [];
  const what = `${formatRef(entry.owner)}: what this node answers load balancers at port ${entry.port}`;
  return note('health-check', what, { before: text(before), after: text(after) });
}

function secondsText(seconds: number | null): string {
  return seconds === null ? 'none' : `${seconds} s`;
}

function note(about: string, what: string, { before, after }: Both<string>): Note[] {
  return before === after ? [] : [{ about, reason: `${what}: before ${before}, after ${after}` }];
}
