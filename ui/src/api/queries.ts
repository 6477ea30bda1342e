import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { JournalQuestion } from '../../../src/forms/questions.ts';
import type { AnswerPath, QuestionAt } from '../../../src/forms/routes.ts';
import type { WhatIfQuestion } from '../../../src/forms/what-if.ts';
import type { ExplainQuestion } from '../explain-href.ts';
import { ask, askLines, askPosted } from './client.ts';

/** Milliseconds between two questions, by the agent's cost of an answer. */
const OFTEN = 2_000;
const SELDOM = 10_000;

const live = (interval: number) =>
  ({ refetchInterval: interval, placeholderData: keepPreviousData, retry: false }) as const;

function useAnswer<Path extends AnswerPath>(path: Path, interval: number, question: QuestionAt<Path>) {
  return useQuery({
    queryKey: [path, question],
    queryFn: ({ signal }) => ask(path, question, signal),
    ...live(interval),
  });
}

export const useSummary = () => useAnswer('/summary', OFTEN, {});
export const useHistory = () => useAnswer('/history', 5_000, {});
export const useActivity = () => useAnswer('/activity', OFTEN, {});
export const usePoolMatrix = () => useAnswer('/pools/matrix', SELDOM, {});
export const useConflicts = () => useAnswer('/conflicts', SELDOM, { limit: 200 });
export const usePortUsage = () => useAnswer('/flows/ports', SELDOM, {});
export const useFlowPairs = () => useAnswer('/flows/pairs', 5_000, { limit: 40 });

/** Maximum number of shown flows: users search more than they scroll. */
const FLOWS_SHOWN = 1_000;

export const useFlows = (filter: QuestionAt<'/flows'>) =>
  useQuery({
    queryKey: ['flows', filter],
    queryFn: ({ signal }) => askLines('/flows', { ...filter, limit: String(FLOWS_SHOWN) }, signal),
    ...live(3_000),
  });

export const useEntries = (kind: string, search: string) =>
  useInfiniteQuery({
    queryKey: ['entries', kind, search],
    queryFn: ({ pageParam, signal }) =>
      ask('/entries', { kind, search, limit: 200, after: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: SELDOM,
    retry: false,
  });

/** The state of the cluster changes, so the answer is that of the moment when it was asked. */
export const useWhatIf = (question: WhatIfQuestion | null) =>
  useQuery({
    queryKey: ['what-if', question],
    queryFn: ({ signal }) => askPosted('/what-if/summary', question ?? {}, signal),
    enabled: question !== null,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    retry: false,
  });

/** Each question costs the node a process: it is asked once. */
export const useJournal = (question: JournalQuestion) =>
  useQuery({
    queryKey: ['journal', question],
    queryFn: ({ signal }) => ask('/journal', question, signal),
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
    retry: false,
  });

/** A packet has two ends; an ICMP error goes to the sender of the packet inside. */
export function isWhole({ from, to, innerFrom }: ExplainQuestion): boolean {
  return Boolean(from && (to || innerFrom));
}

export const useWalk = (question: ExplainQuestion) =>
  useQuery({
    queryKey: ['explain', question],
    queryFn: ({ signal }) => ask('/explain', question, signal),
    enabled: isWhole(question),
    placeholderData: keepPreviousData,
    retry: false,
  });
