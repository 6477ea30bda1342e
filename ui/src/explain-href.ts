import {
  askedOf,
  type MomentQuestion,
  momentQuestion,
  type PacketQuestion,
  packetQuestion,
} from '../../src/forms/questions.ts';
import { pathOf } from '../../src/forms/request.ts';

/** A packet, and the time of the past that is asked for. */
export type ExplainQuestion = PacketQuestion & MomentQuestion;

/** A shareable address. */
export function explainHref(question: ExplainQuestion): string {
  return pathOf('/explain', question);
}

export function questionOf(search: string): ExplainQuestion {
  return askedOf({ ...packetQuestion, ...momentQuestion }, Object.fromEntries(new URLSearchParams(search)));
}
