import type { Status } from '../../forms/status.ts';
import { eventOf, type NoticeCode } from '../../model/finding-codes.ts';
import { formatRef, type ObjectRef } from '../../model/object.ts';
import { conflictFindings } from '../../plan/claims.ts';
import { CliError } from '../cli-error.ts';

/** Objects with no NAT or only a part of it. */
type Findings = Pick<Status, 'problems' | 'notices' | 'conflicts'>;

/** Reports what the plan refused; problems of manifests were reported earlier. `strict` makes them errors. */
export function checkObjects(findings: Findings, strict: boolean, tell: (line: string) => void): void {
  const lines = planFindings(findings);
  for (const line of lines) tell(line);
  const count = lines.length + findings.problems.length;
  if (strict && count > 0) {
    const how = count === 1 ? 'one problem' : `${count} problems`;
    throw new CliError('KNAT_OBJECT_PROBLEMS', `the objects have ${how}, named above`);
  }
}

/** One line each: refused objects, and losers of conflicts. */
export function planFindings({ notices, conflicts }: Omit<Findings, 'problems'>): string[] {
  return [
    ...notices.map(({ object, reason, message }) => refusalLine(object, reason, message)),
    ...conflicts
      .flatMap(conflictFindings)
      .map(({ object, code, message }) => refusalLine(object, code, message)),
  ];
}

function refusalLine(object: ObjectRef, code: NoticeCode, message: string): string {
  return `${formatRef(object)}: ${message} (${eventOf(code)})`;
}
