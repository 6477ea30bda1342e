import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutSymbols } from '../../scripts/image/archive/elf.ts';
import { labelsOf, wordsOf } from '../../scripts/image/archive/instructions.ts';
import { runtimePackages } from '../../scripts/image/archive/npm.ts';
import { archiveOf } from '../../scripts/image/archive/oci.ts';
import { LEFT_OUT, LOADED } from '../../scripts/image/archive/parts.ts';
import { launcher } from '../../scripts/image/archive/program.ts';
import { billOfMaterials } from '../../scripts/image/archive/sbom.ts';
import { type Entry, entriesOf, tarOf } from '../../scripts/image/archive/tar.ts';
import { parseDockerfile } from '../../scripts/image/dockerfile.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-image-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (path: string, text: string): Entry => ({
  path,
  kind: 'file',
  mode: 0o644,
  bytes: Buffer.from(text),
});

describe('the tar archive', () => {
  test('is read by tar, with root as owner and one time', () => {
    const root = join(folder, 'root');
    const long = `${'a'.repeat(90)}/${'b'.repeat(90)}`;
    mkdirSync(join(root, 'a'.repeat(90)), { recursive: true });
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/x'), 'content');
    chmodSync(join(root, 'bin/x'), 0o755);
    writeFileSync(join(root, long), '');
    symlinkSync('bin/x', join(root, 'link'));
    const written = join(folder, 'x.tar');
    writeFileSync(written, tarOf(entriesOf(root), 1_700_000_000));
    const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' };
    const listed = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '-f', written], {
      encoding: 'utf8',
      env,
    });
    const when = '2023-11-14 22:13';
    const lines = listed
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '));
    expect(lines).toEqual([
      `drwxr-xr-x 0/0 0 ${when} ${'a'.repeat(90)}/`,
      `-rw-r--r-- 0/0 0 ${when} ${long}`,
      `drwxr-xr-x 0/0 0 ${when} bin/`,
      `-rwxr-xr-x 0/0 7 ${when} bin/x`,
      `lrwxrwxrwx 0/0 0 ${when} link -> bin/x`,
    ]);
    expect(execFileSync('tar', ['-xOf', written, 'bin/x'], { encoding: 'utf8' })).toBe('content');
  });

  test('refuses a path that it has no room for', () => {
    expect(() => tarOf([file('x'.repeat(101), '')], 0)).toThrow('is too long for a tar archive');
  });
});

describe('the image', () => {
  const image = (text: string) =>
    archiveOf({
      name: 'docker.io/library/knat:1.2.3',
      architecture: 'arm64',
      time: 0,
      layers: [{ about: 'one', entries: [file('a', text)] }],
      labels: { 'org.opencontainers.image.version': '1.2.3' },
      environment: ['PATH=/bin'],
      entrypoint: ['knat'],
      command: [],
    });

  test('has a digest that depends on its contents alone', () => {
    expect(image('x').digest).toBe(image('x').digest);
    expect(image('x').digest).not.toBe(image('y').digest);
    expect(image('xyz').unpacked).toBe(3);
  });

  test('has every blob that it refers to, with its size and digest', () => {
    const { bytes, digest } = image('x');
    const written = join(folder, 'image.tar');
    writeFileSync(written, bytes);
    const read = (path: string) => execFileSync('tar', ['-xOf', written, path]);
    const json = (path: string) => JSON.parse(read(path).toString()) as Record<string, never>;
    const [manifest] = json('index.json').manifests as unknown as [Descriptor];
    expect(manifest.digest).toBe(digest);
    expect(manifest.platform).toEqual({ architecture: 'arm64', os: 'linux' });
    const { config, layers } = json(pathOf(manifest)) as unknown as {
      config: Descriptor;
      layers: Descriptor[];
    };
    for (const each of [manifest, config, ...layers]) {
      const blob = read(pathOf(each));
      expect(blob.length).toBe(each.size);
      expect(`sha256:${createHash('sha256').update(blob).digest('hex')}`).toBe(each.digest);
    }
    expect(json('manifest.json')).toEqual([
      {
        Config: pathOf(config),
        RepoTags: ['docker.io/library/knat:1.2.3'],
        Layers: layers.map(pathOf),
      },
    ]);
  });

  interface Descriptor {
    readonly digest: string;
    readonly size: number;
    readonly platform?: object;
  }
  const pathOf = ({ digest }: Descriptor) => `blobs/${digest.replace(':', '/')}`;
});

test('a program without symbols is smaller and runs', () => {
  const original = readFileSync('/bin/true');
  const small = join(folder, 'true');
  writeFileSync(small, withoutSymbols(original), { mode: 0o755 });
  expect(readFileSync(small).length).toBeLessThan(original.length);
  expect(execFileSync(small, ['--version'], { encoding: 'utf8' })).toContain('true');
  expect(() => withoutSymbols(Buffer.from('#!/bin/sh\n'))).toThrow('not a 64-bit little-endian ELF');
  expect(() => withoutSymbols(original.subarray(0, 5000))).toThrow('cut off');
});

test('the launcher starts node as bin/knat does', () => {
  const [, flags = 'none'] = /^v8_flags='(.*)'$/m.exec(readFileSync('bin/knat', 'utf8')) ?? [];
  const [first = ''] = launcher('podnat-controller').split('\n');
  expect(first).toBe(
    `#!/usr/bin/env -S /usr/local/bin/node --v8-pool-size=1 --title=podnat-controller ${flags}`,
  );
  expect(first.length).toBeLessThan(250); // the kernel reads 255 bytes of it
  expect(readFileSync('bin/knat', 'utf8')).toContain('--v8-pool-size=1 --title=');
});

test.each(['x64', 'arm64'])('the packages for %s have one native part, and those that are loaded', (arch) => {
  const names = runtimePackages(arch).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('@koromix/'))).toEqual([`@koromix/koffi-linux-${arch}`]);
  const wanted = Object.keys(LOADED).filter((name) => !name.startsWith('@koromix/'));
  expect(names).toEqual(expect.arrayContaining(wanted));
  expect(names).not.toContain('vitest');
});

test('the bill of materials names everything once', () => {
  const debian = [{ name: 'libc6', version: '2.41-12+deb13u5', architecture: 'arm64' }];
  const contents = {
    version: '1.2.3',
    architecture: 'arm64',
    debian,
    npm: runtimePackages('arm64'),
  } as const;
  const { packages, relationships } = JSON.parse(billOfMaterials(contents, 0)) as {
    packages: { SPDXID: string; externalRefs: { referenceLocator: string }[] }[];
    relationships: object[];
  };
  const ids = packages.map(({ SPDXID }) => SPDXID);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^SPDXRef-[A-Za-z0-9.-]+$/.test(id))).toEqual([]);
  expect(relationships).toHaveLength(packages.length);
  const urls = packages.flatMap(({ externalRefs }) => externalRefs.map((ref) => ref.referenceLocator));
  expect(urls).toContain('pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?arch=arm64&distro=debian-13');
  expect(urls).toContain('pkg:npm/%40koromix/koffi-linux-arm64@3.3.4');
});

test('licences stay, manuals do not', () => {
  const isLeftOut = (path: string) => LEFT_OUT.some((pattern) => pattern.test(path));
  expect(isLeftOut('usr/share/doc/libc6/copyright')).toBe(false);
  expect(isLeftOut('usr/share/doc/libc6/changelog.Debian.gz')).toBe(true);
  expect(isLeftOut('usr/share/man/man8/nft.8.gz')).toBe(true);
  expect(isLeftOut('usr/sbin/iptables-legacy-save')).toBe(false);
  expect(isLeftOut('usr/lib/x86_64-linux-gnu/xtables/libxt_tcp.so')).toBe(false);
});

test('entry point, command and labels are those of the Dockerfile', () => {
  const last = parseDockerfile(readFileSync('Dockerfile', 'utf8')).at(-1)?.instructions ?? [];
  expect(wordsOf(last, 'ENTRYPOINT')).toEqual(['knat']);
  expect(wordsOf(last, 'CMD')).toEqual(['--help']);
  expect(labelsOf(last)['org.opencontainers.image.title']).toBe('knat');
  expect(() => wordsOf([], 'CMD')).toThrow('has no CMD');
});
