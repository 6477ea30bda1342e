import type { Question } from './api/queries.ts';

/** The address of the explanation of a packet: to be shared. */
export function explainHref(question: Partial<Question>): string {
  const given = Object.entries(question).filter(([, value]) => value !== '');
  return `/explain?${new URLSearchParams(given).toString()}`;
}

export function questionOf(search: string): Question {
  const given = new URLSearchParams(search);
  const text = (name: keyof Question) => given.get(name) ?? '';
  return {
    from: text('from'),
    to: text('to'),
    proto: text('proto'),
    port: text('port'),
    family: text('family'),
  };
}
