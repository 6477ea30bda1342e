import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readDirOnce } from '../../../test/generators/folder-contents.ts';
import { bitesObject } from '../../../test/generators/limits.ts';
import { timers } from '../../base/wake.ts';
import { limits } from '../../limits/table.ts';
import type { FactChange } from '../../model/facts.ts';
import { type Finding, formatFinding } from '../../model/finding.ts';
import type { SourceSink } from '../source.ts';
import { dirSource } from './dir-source.ts';

/** What a source told, as a receiver would hold it. */
class Recorder implements SourceSink {
  readonly facts = new Map<string, FactChange['fact']>();
  readonly problems = new Map<string, readonly Finding[]>();
  /** Every key that was ever told to be gone. */
  readonly gone: string[] = [];
  synchronised = 0;

  apply(changes: readonly FactChange[]): void {
    for (const { kind, key, fact } of changes) {
      if (fact !== null) this.facts.set(`${kind} ${key}`, fact);
      else if (this.facts.delete(`${kind} ${key}`)) this.gone.push(key);
    }
  }

  report(origin: string, problems: readonly Finding[]): void {
    if (problems.length === 0) this.problems.delete(origin);
    else this.problems.set(origin, problems);
  }

  synced(): void {
    this.synchronised++;
  }

  /** `shop/web=80` of each Service. */
  services(): string[] {
    return [...this.facts]
      .flatMap(([key, fact]) => {
        const port = fact !== null && 'clusterIPs' in fact ? fact.ports[0]?.port : undefined;
        return port === undefined ? [] : [`${key.replace('Service ', '')}=${port}`];
      })
      .sort();
  }

  /** All problems, the folder's own path shown as `DIR`. */
  lines(root: string): string[] {
    return [...this.problems.values()]
      .flat()
      .map((problem) => formatFinding(problem).replaceAll(root, 'DIR'));
  }
}

const service = (name: string, port: number | string = 80) => `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec:
  clusterIP: 172.30.0.1
  ports:
  - port: ${port}
`;

let base: string;
let root: string;
let sink: Recorder;
let stop: AbortController;
let running: Promise<void> | null;

const file = (name: string) => join(root, name);
const write = (name: string, text: string) => writeFileSync(file(name), text);
const services = () => sink.services();
const problems = () => sink.lines(root);
/** Waits until the value is so. */
const until = <Value>(get: () => Value, expected: Value) =>
  vi.waitFor(() => expect(get()).toEqual(expected), { timeout: 5000, interval: 10 });

/** Runs the source until it is in sync. Polling is off: what the tests see comes from events. */
async function start(options: { maxFileBytes?: number } = {}): Promise<void> {
  const source = dirSource(root, { pollMs: 600_000, rootCheckMs: 50, ...options });
  running = source.run(sink, stop.signal);
  await until(() => sink.synchronised, 1);
  await sleep(150); // The watch comes up behind the first reading, and looks once more when it is there.
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'knat-dir-'));
  root = join(base, 'manifests');
  mkdirSync(root);
  sink = new Recorder();
  stop = new AbortController();
  running = null;
});

afterEach(async () => {
  stop.abort();
  await running?.catch(() => {});
  rmSync(base, { recursive: true, force: true });
});

describe('the first reading', () => {
  test('all manifests below the folder, then synced, once', async () => {
    mkdirSync(file('below/deep'), { recursive: true });
    mkdirSync(file('.git'));
    write('a.yaml', service('a'));
    write('below/b.yml', service('b'));
    write('below/deep/c.json', JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }));
    for (const name of ['.h.yaml', 'x.yaml~', '#y.yaml#', '.z.yaml.swp', '4913', 'k.txt', '.git/g.yaml']) {
      write(name, service('ignored'));
    }
    write('kustomization.yaml', 'resources: [a.yaml]');
    await start();
    expect([...sink.facts.keys()].sort()).toEqual(['Node n', 'Service shop/a', 'Service shop/b']);
    expect(problems()).toEqual([]);
    expect(sink.synchronised).toBe(1);
  });

  test('an empty folder is in sync too', async () => {
    await start();
    expect(sink.facts.size).toBe(0);
  });

  test.each([
    ['absent', /^the manifest folder .*absent does not exist$/],
    ['plain.yaml', /plain\.yaml is not a folder: name the folder with the manifests$/],
    ['plain.yaml/below', /is not a folder, or a part of its path is not$/],
  ])('a path that is no folder (%s) is refused', async (name, message) => {
    write('plain.yaml', service('a'));
    const source = dirSource(file(name));
    await expect(source.run(sink, stop.signal)).rejects.toMatchObject({ code: 'KNAT_FOLDER_MISSING' });
    await expect(source.run(sink, stop.signal)).rejects.toThrow(message);
    await expect(readDirOnce(file(name))).rejects.toThrow(message);
  });

  test('unreadable files are named, the rest is read', async () => {
    write('a.yaml', service('a'));
    symlinkSync('nothing', file('dangling.yaml'));
    symlinkSync('loop.yaml', file('loop.yaml'));
    mkdirSync(file('folder.yaml'));
    symlinkSync('..', file('folder.yaml/up'));
    write('binary.yaml', '');
    writeFileSync(file('binary.yaml'), Buffer.from([0xff, 0xfe, 0x41]));
    const { changes, problems: found } = await readDirOnce(root);
    expect(changes.map(({ key }) => key)).toEqual(['shop/a']);
    expect(found.map((problem) => formatFinding(problem).replaceAll(root, 'DIR'))).toEqual([
      'DIR/binary.yaml: the file is no UTF-8 text: save it as UTF-8 (KNAT_MANIFEST_SYNTAX)',
      'DIR/dangling.yaml: is a symbolic link to nothing (KNAT_MANIFEST_UNREADABLE)',
      'DIR/loop.yaml: is a symbolic link that leads back to itself (KNAT_MANIFEST_UNREADABLE)',
    ]);
  });

  test('a file of 50 MB is refused with its size and the limit', async () => {
    write('a.yaml', service('a'));
    write('big.json', '');
    truncateSync(file('big.json'), 50_000_000);
    await start();
    expect(services()).toEqual(['shop/a=80']);
    const { problems: found } = await readDirOnce(root);
    bitesObject('manifest-bytes', found);
    expect(problems()).toEqual([
      'DIR/big.json: the file has 47.7 MiB, and the limit is 32.0 MiB: split it into several files, or raise the limit (KNAT_MANIFEST_TOO_LARGE)',
    ]);
  });

  test('a YAML document that would take minutes is refused', async () => {
    write('a.yaml', service('a'));
    write('long.yaml', `kind: B\ntext: ${'x'.repeat(limits['yaml-document'].most)}`);
    const { changes, problems: found } = await readDirOnce(root);
    expect(changes.map(({ key }) => key)).toEqual(['shop/a']);
    bitesObject('yaml-document', found);
  });
});

describe('changes', () => {
  test('files are added, changed, replaced by rename, and removed', async () => {
    await start();
    write('a.yaml', service('a'));
    await until(services, ['shop/a=80']);
    write('a.yaml', service('a', 81));
    await until(services, ['shop/a=81']);
    write('.a.yaml.tmp', service('a', 82));
    renameSync(file('.a.yaml.tmp'), file('a.yaml'));
    await until(services, ['shop/a=82']);
    mkdirSync(file('below'));
    write('below/b.yaml', service('b'));
    await until(services, ['shop/a=82', 'shop/b=80']);
    write('below/b.yaml', service('b', 81));
    await until(services, ['shop/a=82', 'shop/b=81']);
    rmSync(file('a.yaml'));
    await until(services, ['shop/b=81']);
    rmSync(file('below'), { recursive: true });
    await until(services, []);
    expect(sink.gone).toEqual(['shop/a', 'shop/b']);
    expect(problems()).toEqual([]);
  });

  test('a file that is still being written is not read', async () => {
    write('a.yaml', service('a') + service('b').replace('apiVersion', '---\napiVersion'));
    await start();
    const whole = `${service('a', 81)}---\n${service('b', 81)}`;
    writeFileSync(file('a.yaml'), '');
    for (let at = 0; at < whole.length; at += 8) {
      appendFileSync(file('a.yaml'), whole.slice(at, at + 8));
      await sleep(10);
    }
    await until(services, ['shop/a=81', 'shop/b=81']);
    expect(sink.gone).toEqual([]);
  });

  test('an object that moves to another file is never gone', async () => {
    write('a.yaml', service('a'));
    await start();
    renameSync(file('a.yaml'), file('b.yaml'));
    await sleep(300);
    write('b.yaml', service('other'));
    write('c.yaml', service('a'));
    await until(services, ['shop/a=80', 'shop/other=80']);
    expect(sink.gone).toEqual([]);
  });

  test('the swap of a hidden link, as kubelet updates a ConfigMap', async () => {
    mkdirSync(file('..1'));
    write('..1/a.yaml', service('a'));
    symlinkSync('..1', file('..data'));
    symlinkSync('..data/a.yaml', file('a.yaml'));
    await start();
    expect(services()).toEqual(['shop/a=80']);
    mkdirSync(file('..2'));
    write('..2/a.yaml', service('a', 81));
    symlinkSync('..2', file('..data_tmp'));
    renameSync(file('..data_tmp'), file('..data'));
    rmSync(file('..1'), { recursive: true });
    await until(services, ['shop/a=81']);
    expect(sink.gone).toEqual([]);
    expect(problems()).toEqual([]);
  });

  test.each([
    ['a link', symlinkSync],
    ['a second name', linkSync],
  ])('without events the folder is looked at every pollMs: %s of a file elsewhere', async (_, link) => {
    const outside = join(base, 'outside.yaml');
    writeFileSync(outside, service('a'));
    link(outside, file('a.yaml'));
    running = dirSource(root, { pollMs: 100, rootCheckMs: 20 }).run(sink, stop.signal);
    await until(services, ['shop/a=80']);
    await sleep(300);
    writeFileSync(outside, service('a', 81));
    await until(services, ['shop/a=81']);
  });
});

test('a clock that is set back keeps no change from being found', async () => {
  const outside = join(base, 'outside.yaml');
  writeFileSync(outside, service('a'));
  symlinkSync(outside, file('a.yaml'));
  let back = 0;
  const clock = { now: () => Date.now() - back, sleep: timers.sleep };
  running = dirSource(root, { pollMs: 100, rootCheckMs: 20, clock }).run(sink, stop.signal);
  await until(services, ['shop/a=80']);
  await sleep(300);
  back = 86_400_000;
  writeFileSync(outside, service('a', 81));
  await until(services, ['shop/a=81']);
});

describe('last good states', () => {
  test("a pool of Calico's that turns wrong stays as it was, before one of the same name in the same file", async () => {
    const pool = (group: string, cidr: string) =>
      `{apiVersion: ${group}, kind: IPPool, metadata: {name: p}, spec: {cidr: ${cidr}}}\n`;
    const both = (calicos: string) =>
      `${pool('knat.dev/v1', '10.0.0.0/8')}---\n${pool('projectcalico.org/v3', calicos)}`;
    const cidr = (): string | null => {
      const fact = sink.facts.get('IPPool p');
      return fact !== null && fact !== undefined && 'cidr' in fact ? fact.cidr.address : null;
    };
    write('pools.yaml', both('192.168.0.0/16'));
    await start();
    expect(cidr()).toBe('192.168.0.0');
    write('pools.yaml', both('everything'));
    await until(() => problems().length, 2);
    expect(cidr()).toBe('192.168.0.0');
    write('pools.yaml', pool('knat.dev/v1', '10.0.0.0/8'));
    await until(cidr, '10.0.0.0');
    write('pools.yaml', both('everything'));
    await until(() => problems().length, 2);
    expect(cidr()).toBe('10.0.0.0');
  });

  test('a port of 70000: reported, the last good state stays, mended', async () => {
    write('a.yaml', `${service('a')}---\n${service('b')}`);
    await start();
    write('a.yaml', `${service('a', 70000)}---\n${service('b', 81)}`);
    await until(services, ['shop/a=80', 'shop/b=81']);
    expect(problems()).toEqual([
      'DIR/a.yaml:7: Service shop/a: spec.ports[0].port: 70000 is no port: use a whole number from 1 to 65535 (KNAT_PORT_INVALID)',
      'DIR/a.yaml:1: Service shop/a: the last good state of this object stays in force until it is corrected or removed (KNAT_LAST_GOOD)',
    ]);
    write('a.yaml', `${service('a', 82)}---\n${service('b', 81)}`);
    await until(services, ['shop/a=82', 'shop/b=81']);
    expect(problems()).toEqual([]);
  });

  test('an object that was never good has no effect, and says so', async () => {
    write('a.yaml', service('a', 70000));
    await start();
    expect(services()).toEqual([]);
    expect(problems()[1]).toMatch(/has no effect until it is corrected/);
  });

  test('a file that does not parse keeps all of its objects', async () => {
    write('a.yaml', `${service('a')}---\n${service('b')}`);
    await start();
    write('a.yaml', `${service('a', 81)}---\nspec: [\n`);
    await until(() => problems().length, 2);
    expect(services()).toEqual(['shop/a=80', 'shop/b=80']);
    expect(problems()[0]).toMatch(/^DIR\/a\.yaml:(9|10): no valid YAML: .*KNAT_MANIFEST_SYNTAX\)$/);
    expect(problems()[1]).toMatch(
      /the last good state of this file, the 2 objects that it had, stays in force/,
    );
    write('a.yaml', service('b', 81));
    await until(services, ['shop/b=81']);
    expect(problems()).toEqual([]);
  });

  test('a rejected object that is taken out of its file goes', async () => {
    write('a.yaml', `${service('a')}---\n${service('b')}`);
    await start();
    write('a.yaml', `${service('a', 70000)}---\n${service('b')}`);
    await until(() => problems().length, 2);
    write('a.yaml', service('b'));
    await until(services, ['shop/b=80']);
    expect(problems()).toEqual([]);
  });

  test('an address of the wrong family and a CIDR with host bits', async () => {
    const slice = (address: string) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{port: 80}]
endpoints:
- addresses: ["${address}"]
`;
    const pool = (cidr: string) => `apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: p}
spec: {cidr: ${cidr}}
`;
    write('slice.yaml', slice('10.0.0.1'));
    write('pool.yaml', pool('10.0.0.0/16'));
    await start();
    write('slice.yaml', slice('2001:db8::1'));
    write('pool.yaml', pool('10.0.0.1/16'));
    await until(() => problems().length, 4);
    expect(
      problems()
        .filter((line) => !line.includes('LAST_GOOD'))
        .sort(),
    ).toEqual([
      'DIR/pool.yaml:4: IPPool p: spec.cidr: IPPool CIDR is not strictly masked (KNAT_POOL_CIDR)',
      'DIR/slice.yaml:7: EndpointSlice shop/a-1: endpoints[0].addresses[0]: 2001:db8::1 is no IPv4 address, as addressType says: move it to a slice of its own family (KNAT_ADDRESS_FAMILY)',
    ]);
    expect(sink.facts.get('IPPool p')).toMatchObject({ cidr: { address: '10.0.0.0' } });
    expect(sink.facts.get('EndpointSlice shop/a-1')).toMatchObject({ endpoints: [{ address: '10.0.0.1' }] });
  });

  test('a file that becomes a link to nothing', async () => {
    write('a.yaml', service('a'));
    await start();
    rmSync(file('a.yaml'));
    symlinkSync('nothing', file('a.yaml'));
    await until(problems, ['DIR/a.yaml: is a symbolic link to nothing (KNAT_MANIFEST_UNREADABLE)']);
    await sleep(100);
    expect(services()).toEqual(['shop/a=80']);
    rmSync(file('a.yaml'));
    await until(services, []);
    expect(problems()).toEqual([]);
  });

  test('a folder that vanishes and comes back', async () => {
    write('a.yaml', service('a'));
    await start();
    rmSync(root, { recursive: true });
    await until(problems, [
      'DIR: the manifest folder does not exist; what was read before stays in force (KNAT_FOLDER_MISSING)',
    ]);
    expect(services()).toEqual(['shop/a=80']);
    mkdirSync(root);
    write('b.yaml', service('b'));
    await until(services, ['shop/b=80']);
    expect(problems()).toEqual([]);
    await sleep(150);
    write('b.yaml', service('b', 81));
    await until(services, ['shop/b=81']);
  });

  test('another folder takes the place of the folder', async () => {
    write('a.yaml', service('a'));
    await start();
    renameSync(root, join(base, 'old'));
    mkdirSync(root);
    write('a.yaml', service('a', 81));
    await until(services, ['shop/a=81']);
    await sleep(150);
    write('a.yaml', service('a', 82));
    await until(services, ['shop/a=82']);
    expect(sink.gone).toEqual([]);
  });
});

test('another folder takes the place of one above, which no watch of the folder reports', async () => {
  for (const [above, port] of [
    ['one', 80],
    ['two', 81],
  ] as const) {
    mkdirSync(file(`${above}/deep`), { recursive: true });
    write(`${above}/deep/a.yaml`, service('a', port));
  }
  running = dirSource(file('one/deep'), { rootCheckMs: 50 }).run(sink, stop.signal);
  await until(services, ['shop/a=80']);
  await sleep(300);
  renameSync(file('one'), file('old'));
  renameSync(file('two'), file('one'));
  await until(services, ['shop/a=81']);
  expect(sink.gone).toEqual([]);
});

describe('the same object twice', () => {
  test('in two files: the one that sorts first wins, and the other takes over', async () => {
    write('b.yaml', service('x', 82));
    await start();
    write('a.yaml', `# first\n${service('x', 81)}`);
    await until(services, ['shop/x=81']);
    expect(problems()).toEqual([
      'DIR/b.yaml:1: Service shop/x: Service shop/x is in DIR/a.yaml:2, which is used, and in DIR/b.yaml:1: remove one of them (KNAT_OBJECT_DUPLICATE)',
    ]);
    rmSync(file('a.yaml'));
    await until(services, ['shop/x=82']);
    expect(problems()).toEqual([]);
    expect(sink.gone).toEqual([]);
  });

  test("of a pool in two API groups Calico's wins, without a problem", async () => {
    const pool = (group: string, cidr: string) =>
      `{apiVersion: ${group}, kind: IPPool, metadata: {name: p}, spec: {cidr: ${cidr}}}`;
    write('a.yaml', pool('knat.dev/v1', '10.0.0.0/8'));
    write('b.yaml', pool('crd.projectcalico.org/v1', '192.168.0.0/16'));
    await start();
    expect(sink.facts.get('IPPool p')).toMatchObject({ cidr: { address: '192.168.0.0' } });
    expect(problems()).toEqual([]);
  });
});

test('after any series of changes the source tells what reading from scratch tells', async () => {
  await start();
  const operation = fc.record({
    name: fc.constantFrom('a.yaml', 'b.yaml', 'below/c.yaml'),
    text: fc.option(
      fc
        .array(fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 1, max: 3 })), { maxLength: 3 })
        .map((all) => all.map(([name, port]) => service(name, port)).join('---\n')),
    ),
    pause: fc.constantFrom(0, 0, 20, 70),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 8 }), async (operations) => {
      for (const { name, text, pause } of operations) {
        mkdirSync(file('below'), { recursive: true });
        if (text === null) rmSync(file(name), { force: true });
        else write(name, text);
        await sleep(pause);
      }
      const scratch = new Recorder();
      const { changes, problems: found } = await readDirOnce(root);
      scratch.apply(changes);
      await until(() => [...sink.facts].sort(), [...scratch.facts].sort());
      await until(
        () => sink.lines(root).sort(),
        found.map((each) => formatFinding(each).replaceAll(root, 'DIR')).sort(),
      );
    }),
    { numRuns: 10 },
  );
});

test('an aborted source ends', async () => {
  await start();
  stop.abort();
  await running;
});
