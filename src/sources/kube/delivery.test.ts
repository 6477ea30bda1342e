import { expect, test } from 'vitest';
import type { FactChange } from '../../model/facts.ts';
import { defaultPodNatOptions } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import { Delivery } from './delivery.ts';
import { ResourceObjects } from './resource-objects.ts';
import { wantedResources } from './resources.ts';

test('of a pool that several groups serve, the group of the lowest rank decides, whatever the order', () => {
  const pools = wantedResources('n', { service: false, pod: false, egress: true }).filter(
    ({ kind }) => kind === 'IPPool',
  );
  expect(pools).toHaveLength(3);
  for (const order of [pools, [...pools].reverse()]) {
    const delivered: FactChange[] = [];
    const sink = {
      apply: (changes: readonly FactChange[]) => void delivered.push(...changes),
      report: () => {},
      synced: () => {},
    };
    const delivery = new Delivery(sink);
    const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
    const all = order.map((resource) => ({
      group: resource.group,
      objects: new ResourceObjects(resource, context, delivery.of(resource)),
    }));
    const cidrs = { 'projectcalico.org': '10.1', 'crd.projectcalico.org': '10.2', 'knat.dev': '10.3' };
    const object = (group: string) => ({
      metadata: { name: 'p' },
      spec: { cidr: `${cidrs[group as keyof typeof cidrs]}.0.0/16` },
    });
    for (const { group, objects } of all) {
      objects.set(object(group));
      objects.flush();
    }
    expect(delivered.at(-1)).toMatchObject({ key: 'p', fact: { cidr: { address: '10.1.0.0' } } });
    for (const [gone, left] of [
      ['projectcalico.org', { cidr: { address: '10.2.0.0' } }],
      ['crd.projectcalico.org', { cidr: { address: '10.3.0.0' } }],
      ['knat.dev', null],
    ] as const) {
      const from = all.find(({ group }) => group === gone);
      from?.objects.delete(object(gone));
      from?.objects.flush();
      if (left === null) expect(delivered.at(-1)).toEqual({ kind: 'IPPool', key: 'p', fact: null });
      else expect(delivered.at(-1)).toMatchObject({ fact: left });
    }
  }
});
