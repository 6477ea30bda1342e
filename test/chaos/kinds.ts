import type { FaultKind } from './fault.ts';
import { addresses } from './faults/addresses.ts';
import { busyNeighbour } from './faults/busy-neighbour.ts';
import { rights, token } from './faults/credentials.ts';
import { descriptors } from './faults/descriptors.ts';
import { files, folderAway } from './faults/files.ts';
import { flushRuleset } from './faults/flush-ruleset.ts';
import { foreignEdit } from './faults/foreign-edit.ts';
import { freeze } from './faults/freeze.ts';
import { kill } from './faults/kill.ts';
import { killAtCall } from './faults/kill-at-call.ts';
import { killStartAtCall } from './faults/kill-start-at-call.ts';
import { cable, interfaces } from './faults/links.ts';
import { netlinkError } from './faults/netlink-error.ts';
import { nodeLeaves } from './faults/node-leaves.ts';
import { outOfMemory } from './faults/out-of-memory.ts';
import { overrun } from './faults/overrun.ts';
import { restart } from './faults/restart.ts';
import { secondAgent } from './faults/second-agent.ts';
import {
  certificate,
  compaction,
  serverAway,
  serverLies,
  serverRefuses,
  serverSlow,
  watchEvents,
} from './faults/server.ts';

/** Every kind of fault, each as likely as the others. The order is part of what a seed means: add at the end. */
export const kinds: readonly FaultKind[] = [
  kill,
  freeze,
  killAtCall,
  killStartAtCall,
  netlinkError,
  outOfMemory,
  flushRuleset,
  foreignEdit,
  busyNeighbour,
  addresses,
  interfaces,
  cable,
  overrun,
  secondAgent,
  restart,
  serverAway,
  compaction,
  serverLies,
  serverRefuses,
  serverSlow,
  watchEvents,
  certificate,
  token,
  rights,
  descriptors,
  files,
  folderAway,
  nodeLeaves,
];
