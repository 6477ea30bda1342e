import { type WalkJson, walkJson } from '../explain/json.ts';
import { packetOfFlow, parseFlow } from '../explain/packet.ts';
import { walk } from '../explain/walk.ts';
import type { Planner } from '../plan/planner.ts';

/** A question that cannot be asked as it stands; the message says how to ask it. */
export class InvalidQuery extends Error {
  readonly code = 'KNAT_INVALID_INPUT';
  override readonly name = 'InvalidQuery';
}

/** Explains the packet that the query's parameters `from`, `to`, `proto` and `port` describe. Throws InvalidQuery. */
export function explainQuery(planner: Planner, query: Readonly<Record<string, string>>): WalkJson {
  const flow = parseFlow({
    sourceIP: query.from,
    destIP: query.to,
    protocol: query.proto ?? 'TCP',
    destPort: Number(query.port),
  });
  if (typeof flow === 'string') throw new InvalidQuery(flow);
  return walkJson(walk(planner.plan, planner.node, packetOfFlow(flow)));
}
