import { Badge, Tooltip } from '@mantine/core';
import type { Summary } from '../../../src/forms/status.ts';

/** Does the kernel do what is wanted? */
export function StateBadge({ status, error }: { status: Summary | undefined; error: Error | null }) {
  const { color, text, why } = stateOf(status, error);
  return (
    <Tooltip label={why} multiline maw={360}>
      <Badge color={color} variant="filled" tt="none" aria-label={`${text}: ${why}`} tabIndex={0}>
        {text}
      </Badge>
    </Tooltip>
  );
}

function stateOf(status: Summary | undefined, error: Error | null) {
  if (error !== null) return { color: 'red', text: 'no answer', why: error.message };
  if (status === undefined) return { color: 'gray', text: '…', why: 'the agent is being asked' };
  if (status.failure !== null) return { color: 'red', text: 'kernel behind', why: status.failure.message };
  if (!status.synced) {
    return { color: 'yellow', text: 'reading', why: `${status.source} has not delivered everything yet` };
  }
  const { conflicts, notices, problems } = status.findings;
  const open = conflicts + notices + problems;
  if (open > 0) {
    return {
      color: 'yellow',
      text: `in force, ${open} open`,
      why: `${problems} problems, ${notices} notices, ${conflicts} conflicts`,
    };
  }
  return { color: 'teal', text: 'in force', why: 'the kernel matches what the source wants' };
}
