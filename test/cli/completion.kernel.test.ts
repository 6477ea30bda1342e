import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { nodeFixture } from './node-fixture.ts';

const node = nodeFixture();
const BIN = fileURLToPath(new URL('../../bin', import.meta.url));
const NOWHERE = ['--http-address=', '--metrics-address=', '--health-address='];

/** What bash offers after this line, as it would after the Tab key. */
function offeredByBash(line: string): string[] {
  const script = `source <(knat completion bash); COMP_LINE=$1 COMP_POINT=\${#1}; _knat; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const environment = { PATH: `${BIN}:${process.env.PATH ?? ''}` };
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', line], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

test.each([
  ['knat st', ['status']],
  ['knat explain --fro', ['--from']],
  ['knat explain --log-level w', ['warn']],
  ['knat explain --log-level=w', ['warn']], // bash has split at the equals sign
  ['knat explain --from ', ['pod/', 'svc/', 'node/']],
  ['knat nonsense ', []],
  ['knat what-if --delete "a;$(exit 3)" --exi', ['--exit-code']],
])('without an agent: %s', (line, offered) => {
  expect(offeredByBash(line)).toEqual(offered);
});

test('zsh and fish read their scripts, where they are installed', ({ skip }) => {
  const shells = ['zsh', 'fish'].filter((shell) => spawnSync(shell, ['-c', ':']).error === undefined);
  skip(shells.length === 0, 'neither is installed');
  for (const shell of shells) {
    const script = spawnSync(join(BIN, 'knat'), ['completion', shell], { encoding: 'utf8' }).stdout;
    expect(spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  }
});

test('with an agent: names of pods, Services with their ports, and nodes', async () => {
  await node.startAgent(NOWHERE);
  expect(offeredByBash('knat explain --from pod/')).toEqual(['pod/shop/web-0']);
  expect(offeredByBash('knat explain --to=svc/shop/we')).toEqual(['svc/shop/web']);
  expect(offeredByBash('knat trace --to svc/shop/web:')).toEqual(['http']); // after the colon
  expect(offeredByBash('knat verify x --node n')).toEqual(['n1']);
});
