import type { Planner } from '../../plan/planner.ts';
import type { Terminal } from '../terminal.ts';

/** Warns if a source with Nodes has none of this name, as after a typing error: the answer is that of an empty node. */
export function warnOfAbsentNode(
  nodes: Planner['nodes'],
  nodeName: string,
  sourceName: string,
  terminal: Terminal,
): void {
  if (nodes.size === 0 || nodes.has(nodeName)) return;
  terminal.printErrorLine(
    `warning: ${sourceName} has no Node ${nodeName}: the answer is that of a node without Pods`,
  );
}
