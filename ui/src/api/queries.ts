import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { ask, askLines } from './client.ts';
import type {
  ActivityPage,
  Conflict,
  EntryPage,
  FlowPairs,
  FlowReport,
  History,
  Page,
  Pools,
  PortUsageSample,
  Status,
  Walk,
} from './types.ts';

/** Milliseconds between two questions, by how much an answer costs the agent. */
const OFTEN = 2_000;
const SELDOM = 10_000;

const live = (interval: number) =>
  ({ refetchInterval: interval, placeholderData: keepPreviousData, retry: false }) as const;

export const useStatus = () =>
  useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => ask<Status>('status', { lists: 'false' }, signal),
    ...live(OFTEN),
  });

export const useHistory = () =>
  useQuery({
    queryKey: ['history'],
    queryFn: ({ signal }) => ask<History>('history', {}, signal),
    ...live(5_000),
  });

export const useActivity = () =>
  useQuery({
    queryKey: ['activity'],
    queryFn: ({ signal }) => ask<ActivityPage>('activity', {}, signal),
    ...live(OFTEN),
  });

export const usePools = () =>
  useQuery({
    queryKey: ['pools'],
    queryFn: ({ signal }) => ask<Pools>('pools', {}, signal),
    ...live(SELDOM),
  });

export const useConflicts = () =>
  useQuery({
    queryKey: ['conflicts'],
    queryFn: ({ signal }) => ask<Page<Conflict>>('conflicts', { limit: 200 }, signal),
    ...live(SELDOM),
  });

export const usePortUsage = () =>
  useQuery({
    queryKey: ['ports'],
    queryFn: ({ signal }) => ask<PortUsageSample | null>('flows/ports', {}, signal),
    ...live(SELDOM),
  });

export const useFlowPairs = () =>
  useQuery({
    queryKey: ['pairs'],
    queryFn: ({ signal }) => ask<FlowPairs>('flows/pairs', { limit: 40 }, signal),
    ...live(5_000),
  });

/** Filters that the server searches by. */
export interface FlowFilter {
  readonly search?: string;
  readonly kind?: string;
  readonly stale?: string;
}

/** Flows that are shown at most: more are searched, not scrolled. */
export const FLOWS_SHOWN = 1_000;

export type FlowLine = FlowReport | { readonly end: { readonly shown: number; readonly total?: number } };

export const useFlows = (filter: FlowFilter) =>
  useQuery({
    queryKey: ['flows', filter],
    queryFn: ({ signal }) => askLines<FlowLine>('flows', { ...filter, limit: FLOWS_SHOWN }, signal),
    ...live(3_000),
  });

export const useEntries = (kind: string, search: string) =>
  useInfiniteQuery({
    queryKey: ['entries', kind, search],
    queryFn: ({ pageParam, signal }) =>
      ask<EntryPage>('entries', { kind, search, limit: 200, after: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: SELDOM,
    retry: false,
  });

/** A packet, as the form has it. */
export interface Question {
  readonly from: string;
  readonly to: string;
  readonly proto: string;
  readonly port: string;
  readonly family: string;
}

export const useWalk = (question: Question) =>
  useQuery({
    queryKey: ['explain', question],
    queryFn: ({ signal }) => ask<Walk>('explain', { ...question }, signal),
    enabled: question.from !== '' && question.to !== '',
    placeholderData: keepPreviousData,
    retry: false,
  });
