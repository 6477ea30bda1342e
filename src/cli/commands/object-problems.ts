import type { Status } from '../../forms/status.ts';
import { eventOf } from '../../model/finding-codes.ts';
import { formatRef } from '../../model/object.ts';
import { conflictText } from '../../plan/claims.ts';
import { CliError } from '../cli-error.ts';

/** What objects got no NAT, or not all of it. */
type Findings = Pick<Status, 'problems' | 'notices' | 'conflicts'>;

/** Tells of what the plan could not do; the problems of manifests were told already. With `strict`, any is an error. */
export function checkObjects(findings: Findings, strict: boolean, tell: (line: string) => void): void {
  const lines = planFindings(findings);
  for (const line of lines) tell(line);
  const count = lines.length + findings.problems.length;
  if (strict && count > 0) {
    const how = count === 1 ? 'one problem' : `${count} problems`;
    throw new CliError('KNAT_OBJECT_PROBLEMS', `the objects have ${how}, named above`);
  }
}

/** One line each: objects that the plan refuses, and claims that lost. */
export function planFindings({ notices, conflicts }: Omit<Findings, 'problems'>): string[] {
  return [
    ...notices.map(({ object, reason, message }) => `${formatRef(object)}: ${message} (${eventOf(reason)})`),
    ...conflicts.map(conflictText),
  ];
}
