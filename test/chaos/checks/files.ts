import { readdirSync } from 'node:fs';
import type { World } from '../world.ts';

/** What belongs into the agent's folder. */
const KNOWN: ReadonlySet<string> = new Set(['node.yaml']);

/** Files that the agent left where it may make temporary ones. */
export function foundFiles({ folder }: World): string[] {
  return readdirSync(folder)
    .filter((name) => !KNOWN.has(name))
    .map((name) => `file ${name} is left over`);
}
