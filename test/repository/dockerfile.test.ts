import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { installedPackages, parseCopy, parseDockerfile } from '../../scripts/image/dockerfile.ts';

const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));

describe('the Dockerfile', () => {
  test('builds in one stage and runs in another', () => {
    expect(stages.map(({ name, base }) => [name, base])).toEqual([
      ['base', 'debian:trixie-slim'],
      ['build', 'base'],
      [null, 'base'],
    ]);
    const packages = stages.map(({ instructions }) => instructions.flatMap(installedPackages).sort());
    expect(packages).toEqual([['iptables', 'libstdc++6', 'netbase', 'nftables', 'nodejs'], ['npm'], []]);
  });

  test('copies only what .dockerignore lets through and package.json needs', () => {
    const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
    const copies = stages.flatMap(({ instructions }) =>
      instructions.filter(({ keyword }) => keyword === 'COPY').map(({ text }) => parseCopy(text)),
    );
    const sources = copies.filter(({ from }) => from === null).flatMap((copy) => copy.sources);
    expect(sources.filter((source) => !allowed.includes(`!${source}`))).toEqual([]);
    expect(sources).toEqual(expect.arrayContaining(['src', 'bin', 'package-lock.json']));
    expect(allowed).toContain('*');
  });

  test('labels the version of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const label = stages.at(-1)?.instructions.find(({ keyword }) => keyword === 'LABEL');
    expect(label?.text).toContain(`org.opencontainers.image.version="${version}"`);
  });
});

describe('parseDockerfile', () => {
  test('joins lines, leaves out comments between them, and counts lines', () => {
    const text =
      '# first\nFROM debian:trixie-slim AS a\nRUN one \\\n# between\n && two\n\nCOPY --from=a /x y/\n';
    expect(parseDockerfile(text)).toEqual([
      {
        name: 'a',
        base: 'debian:trixie-slim',
        instructions: [
          { keyword: 'RUN', text: 'one && two', line: 3 },
          { keyword: 'COPY', text: '--from=a /x y/', line: 7 },
        ],
      },
    ]);
    expect(parseCopy('--from=a /x y/')).toEqual({ from: 'a', sources: ['/x'], destination: 'y/' });
  });

  test.each([
    ['RUN x', 'Dockerfile:1: RUN before the first FROM'],
    ['FROM a\nVOLUME /x', 'Dockerfile:2: VOLUME is not known'],
    ['FROM --platform=x a', 'Dockerfile:1: FROM --platform=x a is not known'],
    ['FROM a\nRUN x \\', 'Dockerfile:2: the instruction has no end'],
  ])('%j is refused', (text, message) => {
    expect(() => parseDockerfile(text)).toThrow(message);
  });

  test('finds packages of every apt-get install in a RUN', () => {
    const text = 'apt-get install --yes a b && x; apt-get install c | tee log';
    expect(installedPackages({ keyword: 'RUN', text, line: 1 })).toEqual(['a', 'b', 'c']);
  });
});
