import { askedOf, type PacketQuestion, packetQuestion } from '../../src/forms/questions.ts';
import { pathOf } from '../../src/forms/request.ts';

/** A shareable address. */
export function explainHref(question: PacketQuestion): string {
  return pathOf('/explain', question);
}

export function questionOf(search: string): PacketQuestion {
  return askedOf(packetQuestion, Object.fromEntries(new URLSearchParams(search)));
}
