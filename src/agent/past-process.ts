import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { PortOwner } from '../forms/flows.ts';
import type { JournalAnswer } from '../forms/journal.ts';
import type { JournalQuestion, ListQuestion, MomentQuestion, PacketQuestion } from '../forms/questions.ts';
import type { Line, WalkJson } from '../forms/walk.ts';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { InvalidQuery } from '../observe/invalid-query.ts';
import { describePast, explainPast, historyPast, type OwnerQuestion, ownersPast } from './past.ts';
import { giveWay } from './side-process.ts';

/** A question about the past, and its answer. */
export interface PastQuestions {
  explain: { readonly question: PacketQuestion & MomentQuestion; readonly answer: WalkJson };
  describe: {
    readonly question: PacketQuestion & ListQuestion & MomentQuestion;
    readonly answer: readonly Line[];
  };
  owners: { readonly question: OwnerQuestion; readonly answer: readonly PortOwner[] };
  history: { readonly question: JournalQuestion; readonly answer: JournalAnswer };
}

export type AskPast = <About extends keyof PastQuestions>(
  about: About,
  folder: string,
  question: PastQuestions[About]['question'],
) => Promise<PastQuestions[About]['answer']>;

/** The name under which the program answers one question from standard input (`answerPast`). */
export const PAST_TITLE = 'knat-history';

const answers: {
  readonly [About in keyof PastQuestions]: (
    folder: string,
    question: PastQuestions[About]['question'],
    now: number,
  ) => Promise<PastQuestions[About]['answer']>;
} = { explain: explainPast, describe: describePast, history: historyPast, owners: ownersPast };

/** Answers in this process: rebuilding a plan of 30,000 Services takes most of a second and 300 MB. */
export function askHere(now: () => number): AskPast {
  return async (about, folder, question) => await answers[about](folder, question, now());
}

/** There is no answer within the limits of memory and time. */
export class PastUnanswered extends Error {
  readonly code = 'KNAT_HISTORY_LIMIT';
  override readonly name = 'PastUnanswered';
  constructor(why: string) {
    super(`the past was not told: ${why}`);
  }
}

/** A question takes at most this many milliseconds, and so many may wait for their turn. */
const LONGEST = limits['past-time'].most;
const MOST_WAITING = limits['past-questions'].most;

/**
 * Answers in another process, one at a time and with less right to the processor, so that NAT does not wait for it and
 * its memory is given back.
 * @param command how this program is started under the title PAST_TITLE; may throw PastUnanswered
 */
export function askProcess(command: () => readonly string[]): AskPast {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (about, folder, question) => {
    if (waiting >= MOST_WAITING) {
      limitReached('past-questions');
      throw new PastUnanswered(`${MOST_WAITING} questions about the past wait already; ask again later`);
    }
    waiting++;
    const turn = last.catch(() => {}).then(() => runProcess(command(), { about, folder, question }));
    last = turn;
    try {
      return (await turn) as never;
    } finally {
      waiting--;
    }
  };
}

interface Asked {
  readonly about: keyof PastQuestions;
  readonly folder: string;
  readonly question: object;
}

async function runProcess([program = '', ...words]: readonly string[], asked: Asked): Promise<unknown> {
  const child = spawn(program, words, {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const timer = setTimeout(() => {
    limitReached('past-time');
    child.kill('SIGKILL');
  }, LONGEST);
  const ended = new Promise<boolean>((resolve, reject) => {
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status) => resolve(status === 0));
    child.on('close', () => clearTimeout(timer));
  });
  child.stdin.on('error', () => {}); // it ended early; its answer is missing then
  child.stdin.end(JSON.stringify(asked));
  if (child.pid !== undefined) giveWay(child.pid);
  const [answer, isWhole] = await Promise.all([text(child.stdout), ended]);
  if (!isWhole) {
    throw new PastUnanswered(`not within ${LONGEST / 1000} s, or not with the memory that is left`);
  }
  const { ok, value } = JSON.parse(answer) as PastOutcome;
  if (ok) return value;
  const { code, message, details } = value;
  throw code === 'KNAT_INVALID_INPUT' ? new InvalidQuery(message, details) : new Error(message);
}

type PastOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly value: { code: string; message: string; details: readonly string[] } };

/** What the process does: `input` is the question, the result is for standard output. */
export async function answerPast(input: string, now: () => number): Promise<string> {
  const { about, folder, question } = JSON.parse(input) as Asked;
  let outcome: PastOutcome;
  try {
    outcome = { ok: true, value: await askHere(now)(about, folder, question as never) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { code = 'KNAT_INTERNAL', details = [] } = error as { code?: string; details?: readonly string[] };
    outcome = { ok: false, value: { code, message, details } };
  }
  return JSON.stringify(outcome);
}
