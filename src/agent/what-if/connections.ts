import type { FlowLine } from '../../forms/flows.ts';
import type { QuestionAt } from '../../forms/routes.ts';
import { linesOf } from '../../observe/client.ts';
import type { WhatIf } from '../../what-if/answer.ts';
import { Connections } from '../../what-if/connections.ts';

/** Connections that nothing translates are of interest too: a change may translate them. */
const EVERY_KIND = 'service,pod,egress,other,none';

/** Adds the existing connections, as the agent of this network namespace lists them for the question. */
export async function withConnections(
  answer: WhatIf,
  ask: (path: '/flows', question: QuestionAt<'/flows'>) => AsyncIterable<Uint8Array>,
): Promise<WhatIf> {
  const connections = new Connections(answer.changes);
  for await (const lines of linesOf(ask('/flows', { kind: EVERY_KIND }))) {
    for (const line of lines) {
      const flow = line === '' ? null : (JSON.parse(line) as FlowLine);
      if (flow !== null && !('end' in flow)) connections.note(flow);
    }
  }
  const unknown = answer.unknown.filter(({ about }) => about !== 'existing-connections');
  return { ...answer, unknown, connections };
}
