import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ProtectedFile } from './protected-file.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'knat-test-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const one = { protect: true, name: 'the shop answers' } as never;
const read = () => ({ node: null, expectations: [one] });

test('no file, and nothing beside it: nothing is protected', async () => {
  const file = new ProtectedFile(join(folder(), 'expectations.yaml'), read);
  expect(await file.refresh()).toBeNull();
  expect(file.current.expectations).toEqual([]);
  expect(await new ProtectedFile('/nowhere/at/all.yaml', read).refresh()).toBeNull();
});

test('a file of another name, as a key that is written otherwise, is told, and the last good version stays', async () => {
  const made = folder();
  const path = join(made, 'expectations.yaml');
  const file = new ProtectedFile(path, read);
  writeFileSync(path, 'text');
  expect(await file.refresh()).toBeNull();
  rmSync(path);
  writeFileSync(join(made, 'expectation.yml'), 'text');
  expect(await file.refresh()).toBe(
    `${path} does not exist, and its folder has expectation.yml: is the name of the file, or the key of the ConfigMap, right?`,
  );
  expect(file.current.expectations).toEqual([one]);
  rmSync(join(made, 'expectation.yml'));
  expect(await file.refresh()).toBeNull();
  expect(file.current.expectations).toEqual([]);
});
