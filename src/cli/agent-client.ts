import type { AnswerAt, AnswerPath, LinesPath, QuestionAt } from '../forms/routes.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import { agentPieces, askAgent, explainFlows } from '../observe/client.ts';
import type { Context } from './context.ts';
import { withProgress } from './progress.ts';

/** As the functions of `observe/client.ts`, with progress on standard error, and at most `--timeout` long. */
export interface AgentClient {
  ask<Path extends AnswerPath>(path: Path, question?: QuestionAt<Path>): Promise<AnswerAt<Path>>;
  explainFlows(flows: readonly unknown[]): Promise<readonly FlowAnswer[]>;
  pieces<Path extends LinesPath>(path: Path, question?: QuestionAt<Path>): AsyncIterable<Uint8Array>;
}

export function agentClient({
  terminal,
  answerLimit,
}: Pick<Context, 'terminal' | 'answerLimit'>): AgentClient {
  const waited = async <Answer>(work: Promise<Answer>) =>
    await withProgress(terminal, 'waiting for the answer of the agent', work);
  return {
    ask: (path, question) => waited(askAgent(path, question, answerLimit)),
    explainFlows: (flows) => waited(explainFlows(flows, answerLimit)),
    async *pieces(path, question) {
      const pieces = agentPieces(path, question, answerLimit);
      let next = await waited(pieces.next());
      try {
        for (; next.done !== true; next = await pieces.next()) yield next.value;
      } finally {
        await pieces.return(undefined);
      }
    },
  };
}
