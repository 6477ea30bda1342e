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
  'gone-connections': reported({
    most: 65_536,
    unit: 'connections',
    of: 'connections of an IP family that were ended because their endpoint is gone, and are remembered',
    beyond: 'further ones are ended when earlier ones are forgotten, mostly 30 s after they were told',
    remedy:
      'Nothing else is needed if it was once. If not, endpoints with many connections go again and again.',
  }),
  'gone-found': counted({
    most: 16_384,
    unit: 'connections',
    of: 'connections to gone endpoints that one reading of the connection table finds',
    beyond: 'the others are found by the next reading, a moment later',
  }),
  'gone-told-again': counted({
    most: 32_768,
    unit: 'connections',
    of: 'connections whose ends are told once more, in the same second',
    beyond: 'the ends of further ones are told once',
  }),
} as const;
