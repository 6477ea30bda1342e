import { readFileSync } from 'node:fs';

/** The flags of V8 in bin/knat, so that a benchmark measures a process like the agent's. */
export function memoryFlags(): string[] {
  const [, flags = ''] = /^v8_flags='(.*)'$/m.exec(readFileSync('bin/knat', 'utf8')) ?? [];
  if (flags === '') throw new Error('bin/knat has no v8_flags');
  return flags.split(' ');
}
