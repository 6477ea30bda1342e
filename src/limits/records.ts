import { counted, reported } from './limit.ts';

/** What the agent keeps. */
export const recordLimits = {
  activities: counted({
    most: 512,
    unit: 'records',
    of: 'records of recent activity',
    beyond: 'the oldest is forgotten; the log and the history still have it',
  }),
  'history-changes': reported({
    most: 20_000,
    unit: 'changes',
    of: 'changes that wait to be written to the history',
    beyond: 'they are not recorded one by one: the history goes on with the state after them',
    remedy:
      'Make the disk of --history-dir faster. Once is harmless: so many changes come at once when a cluster is restored.',
  }),
  'events-waiting': reported({
    most: 5_000,
    unit: 'events',
    of: 'Events that wait to be written to the API server',
    beyond: 'further Events are dropped; knat status and the NodeNAT still have what they would say',
    remedy:
      'Correct the objects that `knat entries --kind refused` lists, or switch Events off with --no-events.',
  }),
  'attribution-waiting': reported({
    most: 8 << 20,
    unit: 'bytes',
    of: 'lines of the attribution log that wait for the disk',
    beyond: 'further lines are lost, and the log of the agent says so',
    remedy: 'Make the disk of --attribution-log faster.',
  }),
} as const;
