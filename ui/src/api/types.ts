/** The forms of the API's answers, as its schemas say (`/openapi.json`): types alone, nothing of the agent is built in. */
import type { z } from '@hono/zod-openapi';
import type * as schemas from '../../../src/observe/api/schemas.ts';

export type Status = z.output<typeof schemas.status>;
export type Entry = z.output<typeof schemas.entry>;
export type EntryPage = z.output<typeof schemas.entryPage>;
export type Conflict = z.output<typeof schemas.conflict>;
export type Pools = z.output<typeof schemas.pools>;
export type Pool = z.output<typeof schemas.pool>;
export type Activity = z.output<typeof schemas.activity>;
export type ActivityPage = z.output<typeof schemas.activityPage>;
export type History = z.output<typeof schemas.history>;
export type Walk = z.output<typeof schemas.walk>;
export type WalkStep = Walk['steps'][number];
export type WalkPath = Walk['paths'][number];
export type WalkPacket = WalkStep['before'];
export type { FlowPairs } from '../../../src/flows/pairs.ts';
export type { PortUsageSample } from '../../../src/flows/port-usage.ts';
export type { FlowReport } from '../../../src/flows/report.ts';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}
