import type { FactChange, FactKind } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { Edit } from './edit.ts';

/**
 * The lines of a segment (docs/adr/0025-journal.md): a JSON list each, whose first item says what it is. Times are
 * milliseconds; those of commits and events count from the time before.
 */
export type Line = HeaderLine | StateLine | ChangeLine | MarkLine;

export type HeaderLine = readonly ['journal', Header];
/** A fact of the state with which the segment begins; then the node, the settings, and `complete`. */
export type StateLine =
  | readonly ['fact', FactKind, key: string, fact: NonNullable<FactChange['fact']>]
  | readonly ['node', NodeFacts]
  | readonly ['options', PlanOptions]
  | readonly ['complete'];
/** The changes before a commit came into force with it. `null`: the object is gone. */
export type ChangeLine =
  | readonly ['c', FactKind, key: string, Edit | null, ...by: [] | [manager: string, at: string | null]]
  | readonly ['n', Edit];
export type MarkLine =
  | readonly ['=', milliseconds: number]
  | readonly ['e', milliseconds: number, NotedEvent]
  /** The agent ended as it was told to. */
  | readonly ['end', milliseconds: number]
  /** Another process goes on here: what changed meanwhile is the commit that follows. */
  | readonly ['start', milliseconds: number];

/** Why a segment begins. `gap`: what changed before is not recorded; `clock`: the clock was set back. */
export type Beginning = 'start' | 'full' | 'gap' | 'clock';

export interface Header {
  readonly format: 1;
  /** Of knat. */
  readonly version: string;
  /** Milliseconds since the epoch, by the clock of the node. */
  readonly at: number;
  readonly because: Beginning;
  /** With `gap`: what happened. */
  readonly why: string;
  /** The last time that this process wrote before; null: none. */
  readonly lastAt: number | null;
}

/** Something that happened beside changes of objects. */
export interface NotedEvent {
  readonly kind: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
  readonly object: ObjectRef | null;
}

export function formatLine(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** Throws SyntaxError. */
export function parseLine(text: string): Line {
  return JSON.parse(text) as Line;
}
