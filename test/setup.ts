import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach } from 'vitest';

/**
 * Property tests draw the same cases in every run, so that a run can be repeated. `KNAT_SEED=random` draws others,
 * `KNAT_SEED=NUMBER` those of a report; `make soak` draws new ones until it is stopped.
 */
const wanted = process.env.KNAT_SEED ?? '20261121';
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted) });

/**
 * `KNAT_HOLD=SECONDS`: after a failed test everything stays as it is for this time, so that you can inspect it from
 * another terminal. CONTRIBUTING.md, "Debug a kernel test".
 */
const holdSeconds = Number(process.env.KNAT_HOLD ?? 0);
if (holdSeconds > 0) {
  afterEach(
    async ({ task }) => {
      if (task.result?.state !== 'fail') return;
      const mark = `.tmp/held-${process.pid}`;
      mkdirSync('.tmp', { recursive: true });
      writeFileSync(mark, `${task.name}\n`);
      console.error(
        `held for ${holdSeconds} s: ${task.name}\n` +
          `  look:     nsenter --net=/proc/${process.pid}/ns/net nft list table ip knat\n` +
          `  go on:    rm ${mark}`,
      );
      for (let waited = 0; waited < holdSeconds && existsSync(mark); waited++) await sleep(1000);
      rmSync(mark, { force: true });
    },
    holdSeconds * 1000 + 10_000,
  );
}
