/** An agent that has nothing to do sleeps. Wake-ups are counted, since their number depends on no clock of a busy machine. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { enterFreshNamespace } from '../netns/namespace.ts';

const KNAT = fileURLToPath(new URL('../../bin/knat', import.meta.url));
const DEMO = fileURLToPath(new URL('../../examples/demo', import.meta.url));

/** How often the threads of a process began to wait. */
function waits(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  }, 0);
}

test('an agent with a folder, bindings and its HTTP servers wakes up about once a second at most', async () => {
  enterFreshNamespace();
  const folder = mkdtempSync(join(tmpdir(), 'knat-rest-'));
  cpSync(DEMO, folder, { recursive: true });
  const agent = spawn(KNAT, ['agent', '--source', `dir:${folder}`, '--node', 'node1'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => agent.once('close', resolve));
  try {
    const pid = agent.pid ?? 0;
    // Of several stretches the quietest: on a busy machine the start lasts, and threads wait for each other.
    const stretches: number[] = [];
    while (stretches.length < 5 && !(Math.min(...stretches) <= 20)) {
      const before = waits(pid);
      await sleep(10_000);
      stretches.push(waits(pid) - before);
    }
    // 5 looks at the host, perhaps one at the folder. A timer of 20 ms makes 500, one of a second 10 more.
    expect(Math.min(...stretches), stretches.join()).toBeLessThanOrEqual(20);
  } finally {
    agent.kill();
    await ended;
    rmSync(folder, { recursive: true });
  }
}, 120_000);
