import { formatFinding } from '../../model/finding.ts';
import { printableJson } from '../../model/printable.ts';
import { readWhatIfQuestion } from '../../observe/api/what-if-question.ts';
import { agentPieces } from '../../observe/client.ts';
import { InvalidQuery } from '../../observe/invalid-query.ts';
import { SharedValues } from '../../sources/objects/shared.ts';
import { streamedWhatIf, type WhatIf, whatIfOn } from '../../what-if/answer.ts';
import { joinedPieces, jsonPieces } from '../../what-if/json-pieces.ts';
import { FOR_READERS, summaryOf } from '../../what-if/summary.ts';
import { changeSetOf } from '../change-set.ts';
import { OfflinePlans } from '../offline.ts';
import { withConnections } from './connections.ts';
import type { WhatIfMessage, WhatIfOutcome, WhatIfStart } from './messages.ts';

/**
 * The process that answers one question of what-if for an agent, and then ends. What it needs of memory and time is not
 * the agent's: the agent ends it at a limit.
 */
export async function answerWhatIf(): Promise<void> {
  // Without the agent nobody waits for the answer.
  process.once('disconnect', () => process.exit());
  let start: WhatIfStart | null = null;
  let plans: OfflinePlans | null = null;
  await new Promise<void>((resolve) => {
    process.on('message', (message: WhatIfMessage) => {
      if (message.kind === 'start') {
        start = message;
        plans = plansOf(message);
      } else if (message.kind === 'facts') plans?.take(message.changes);
      else resolve();
    });
  });
  if (start === null || plans === null) throw new TypeError('the first message says what is asked');
  const pieces = await answerOrFailure(start, plans);
  for (const piece of joinedPieces(pieces)) {
    if (!process.stdout.write(piece)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  process.disconnect();
}

function plansOf({ nodeName, nodeConfig, options: plan, interfaces, host }: WhatIfStart): OfflinePlans {
  const source = { name: 'the agent' };
  return OfflinePlans.given({ nodeName, nodeConfig, plan, source }, interfaces, host);
}

async function answerOrFailure(start: WhatIfStart, plans: OfflinePlans): Promise<Iterable<string>> {
  try {
    const answer = await answered(start, plans);
    const text =
      start.shape === 'classes'
        ? jsonPieces(streamedWhatIf(answer), 0)
        : [printableJson(JSON.stringify(summaryOf(answer, FOR_READERS)))];
    return [lineOf({ failure: null }), ...text];
  } catch (error) {
    const { code = 'KNAT_INTERNAL', details = [] } = error as { code?: string; details?: readonly string[] };
    const message = error instanceof Error ? error.message : String(error);
    return [lineOf({ failure: { code, message, details } })];
  }
}

function lineOf(outcome: WhatIfOutcome): string {
  return `${JSON.stringify(outcome)}\n`;
}

async function answered(start: WhatIfStart, plans: OfflinePlans): Promise<WhatIf> {
  const { manifests, delete: deletions, connections, strict } = readWhatIfQuestion(start.question);
  const context = { shared: new SharedValues(), podNat: start.podNat, debug: () => {} };
  const { changes, problems, notes } = changeSetOf(manifests, deletions, plans.everything, context);
  const lines = problems.map(formatFinding);
  if (strict && lines.length > 0) throw new InvalidQuery('the objects of the change have problems', lines);
  const answer = whatIfOn(
    plans.change(start.nodeName, changes, () => null),
    start.mostClasses,
  );
  const told = lines.map((reason) => ({ about: 'problem', reason }));
  const whole = { ...answer, unknown: [...told, ...notes, ...answer.unknown] };
  return connections ? await withConnections(whole, agentPieces) : whole;
}
