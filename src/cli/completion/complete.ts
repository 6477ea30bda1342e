import { placesFrom } from '../../explain/place-names.ts';
import { askAgent } from '../../observe/client.ts';
import type { Context } from '../context.ts';
import { createProgram } from '../program.ts';
import { candidatesFor } from './candidates.ts';

/** Milliseconds: who presses Tab waits no longer for names. */
const PATIENCE = 1_000;

/** `knat complete -- WORD…`, for the scripts of `knat completion`: what a shell may offer for the last word, a line each. Without an agent there are no names. */
export async function complete(context: Context, words: readonly string[]): Promise<void> {
  const { terminal } = context;
  const program = createProgram(context, words.slice(0, 1));
  const found = candidatesFor(program, words);
  for (const { word, help } of found.words) terminal.printColumns(word, ...(help === '' ? [] : [help]));
  if (found.files) terminal.printColumns(':files');
  if (found.names === null) return;
  const last = words.at(-1) ?? '';
  const written = last.startsWith('--') ? last.slice(last.indexOf('=') + 1) : last;
  const option = last.slice(0, last.length - written.length);
  const prefix = found.names === 'node' ? 'node/' : '';
  for (const place of await placesOf(prefix + written)) {
    terminal.printColumns(option + place.slice(prefix.length));
  }
}

/** Without an agent, or with a busy one: only the kinds of places. */
async function placesOf(text: string): Promise<readonly string[]> {
  try {
    return (await askAgent('/places', { search: text }, PATIENCE)).places;
  } catch {
    return placesFrom(text, { pods: new Map(), services: new Map(), nodes: new Map() }, 0);
  }
}
