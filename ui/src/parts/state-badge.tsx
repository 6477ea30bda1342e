import { Badge, Tooltip } from '@mantine/core';
import type { Summary } from '../../../src/forms/status.ts';
import { LEVEL_COLORS } from '../theme.ts';

/** The agent's own statement; the page only knows whether it answers. */
export function StateBadge({ status, error }: { status: Summary | undefined; error: Error | null }) {
  const { level, text, why } =
    error === null
      ? (status?.state ?? { level: null, text: '…', why: 'waiting for the agent' })
      : { level: 'bad' as const, text: 'no answer', why: error.message };
  return (
    <Tooltip label={why} multiline maw={360}>
      <Badge
        color={level === null ? 'gray' : LEVEL_COLORS[level]}
        variant="filled"
        tt="none"
        aria-label={`${text}: ${why}`}
        tabIndex={0}
      >
        {text}
      </Badge>
    </Tooltip>
  );
}
