import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Finding } from '../../model/finding.ts';
import { defaultPodNatOptions } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import { ResourceObjects } from './resource-objects.ts';
import type { Resource } from './resources.ts';

const services: Resource = { kind: 'Service', group: '', version: 'v1', plural: 'services', optional: false };

function make() {
  const ports = new Map<string, number>();
  const delivered: string[] = [];
  const problems = new Map<string, readonly Finding[]>();
  const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
  const objects = new ResourceObjects(services, context, {
    apply: (changes) => {
      for (const { key, fact } of changes) {
        delivered.push(`${key} ${fact === null ? 'gone' : 'set'}`);
        if (fact !== null && 'clusterIPs' in fact) ports.set(key, fact.ports[0]?.port ?? 0);
        else ports.delete(key);
      }
    },
    report: (key, found) => {
      if (found.length === 0) problems.delete(key);
      else problems.set(key, found);
    },
  });
  return { objects, ports, delivered, problems };
}

const service = (name: string, port = 80) => ({
  metadata: { name, namespace: 'shop' },
  spec: { clusterIP: '10.96.0.1', ports: [{ port }] },
});

test('an equal value is delivered once', () => {
  const { objects, delivered } = make();
  for (let count = 0; count < 3; count++) objects.set({ ...service('a'), status: { count } });
  objects.flush();
  expect(delivered).toEqual(['shop/a set']);
});

test('an object that a list lacks is removed when the list is complete, and not before', () => {
  const { objects, delivered } = make();
  objects.set(service('a'));
  objects.set(service('b'));
  objects.beginList();
  objects.set(service('b'));
  objects.flush();
  expect(delivered).toEqual(['shop/a set', 'shop/b set']);
  objects.endList();
  expect(delivered.slice(2)).toEqual(['shop/a gone']);
});

test('a list that did not end removes nothing, and the next one starts anew', () => {
  const { objects, delivered } = make();
  objects.set(service('a'));
  objects.set(service('b'));
  objects.beginList();
  objects.set(service('a'));
  objects.beginList();
  objects.set(service('b'));
  objects.endList();
  expect(delivered).toContain('shop/a gone');
  expect(delivered).not.toContain('shop/b gone');
});

test('an object that is rejected keeps its value through a list, until it goes', () => {
  const { objects, ports, problems } = make();
  objects.set(service('a', 80));
  objects.beginList();
  objects.set(service('a', 70_000));
  objects.endList();
  expect(ports.get('shop/a')).toBe(80);
  expect(problems.get('shop/a')?.map(({ code, origin }) => `${code} ${origin}`)).toEqual([
    'KNAT_PORT_INVALID kubernetes',
    'KNAT_LAST_GOOD kubernetes',
  ]);
  objects.delete(service('a'));
  objects.flush();
  expect(ports.size).toBe(0);
  expect(problems.size).toBe(0);
});

test('an object that was never good appears when it is mended', () => {
  const { objects, delivered, problems } = make();
  objects.set(service('a', 70_000));
  objects.flush();
  expect(delivered).toEqual([]);
  objects.set(service('a', 81));
  objects.flush();
  expect(delivered).toEqual(['shop/a set']);
  expect(problems.size).toBe(0);
});

test('after any events the values are those of the last good objects', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    port: fc.constantFrom(80, 81, 70_000, null),
    flush: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { objects, ports } = make();
      const wanted = new Map<string, number>();
      for (const { name, port, flush } of steps) {
        if (port === null) objects.delete(service(name));
        else objects.set(service(name, port));
        if (port === null) wanted.delete(`shop/${name}`);
        else if (port < 65_536) wanted.set(`shop/${name}`, port);
        if (flush) objects.flush();
      }
      objects.flush();
      expect([...ports].sort()).toEqual([...wanted].sort());
    }),
  );
});
