import { expect, test } from 'vitest';
import { serviceFact, sliceFact } from '../../../test/generators/large-cluster.ts';
import { composeNodeFacts } from '../../agent/node-facts.ts';
import { canonicalPlan } from '../../plan/canonical.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { listEntries } from './entry-list.ts';
import { type EntryQuery, queryEntries } from './entry-query.ts';

const all: EntryQuery = {
  kinds: null,
  refused: false,
  object: null,
  family: null,
  protocol: null,
  unserved: false,
  search: '',
  after: null,
  limit: 100,
};

function planOf(services: number): Planner {
  const planner = new Planner(composeNodeFacts('node-0', undefined, {}, null), defaultPlanOptions);
  for (let index = 0; index < services; index++) {
    const service = serviceFact(index);
    const slice = sliceFact(index, 2);
    planner.apply([{ kind: 'Service', key: `${service.namespace}/${service.name}`, fact: service }]);
    if (index % 10 === 0) continue; // without endpoints
    planner.apply([{ kind: 'EndpointSlice', key: `${slice.namespace}/${slice.name}`, fact: slice }]);
  }
  planner.update();
  return planner;
}

const { plan } = planOf(700);

test.each([7, 97, 100, 5000])('pages of %i together are all entries, in order', (limit) => {
  const keys: string[] = [];
  for (let after: string | null = null; ; ) {
    const page = queryEntries(plan, { ...all, after, limit });
    expect(page.total).toBe(canonicalPlan(plan).length);
    keys.push(...page.items.map(({ key }) => String(key)));
    after = page.next;
    if (after === null) break;
  }
  expect(keys).toEqual(canonicalPlan(plan).map(({ key }) => key));
});

test('a page continues where the one before ended, also when entries came and went', () => {
  const planner = planOf(50);
  const first = queryEntries(planner.plan, { ...all, limit: 20 });
  const gone = first.items.at(-1);
  const owner = String(gone !== undefined && 'owner' in gone && gone.owner).replace('Service ', '');
  planner.apply([{ kind: 'Service', key: owner, fact: null }]);
  planner.update();
  const second = queryEntries(planner.plan, { ...all, limit: 20, after: first.next });
  expect(second.revision).toBeGreaterThan(first.revision);
  const expected = canonicalPlan(planner.plan).filter(({ key }) => String(key) > String(first.next));
  expect(second.items).toEqual(expected.slice(0, 20));
});

const address = String(canonicalPlan(plan).find(({ kind }) => kind === 'ClusterAddress')?.key).split(' ')[1];
const [endpoint = ''] = canonicalPlan(plan).flatMap((entry) => ('endpoints' in entry ? entry.endpoints : []));
const name = serviceFact(17).name;

test.each<[string, Partial<EntryQuery>, (text: string) => boolean]>([
  ['a kind', { kinds: ['ClusterAddress'] }, (text) => text.includes('"ClusterAddress"')],
  [
    'an object',
    { object: `Service ${serviceFact(17).namespace}/${name}` },
    (text) => text.includes(`/${name}"`),
  ],
  [
    'an object without its kind',
    { object: `${serviceFact(17).namespace}/${name}` },
    (text) => text.includes(`/${name}"`),
  ],
  ['a family', { family: 'IPv6' }, (text) => /(scope|source-ports) IPv6/.test(text)],
  ['a protocol', { protocol: 'TCP' }, (text) => /"key":"[^"]*\/TCP"/.test(text)],
  ['no endpoints', { unserved: true }, (text) => text.includes('"endpoints":[]')],
  ['text in an address', { search: address ?? '' }, (text) => text.includes(address ?? '?')],
  ['text in an endpoint', { search: endpoint }, (text) => text.includes(endpoint)],
  ['text in any case', { search: name.toUpperCase() }, (text) => text.includes(name)],
  ['nothing that there is', { search: 'nowhere' }, () => false],
])('%s', (_, query, expected) => {
  const { items, total } = queryEntries(plan, { ...all, ...query, limit: 5000 });
  const wanted = canonicalPlan(plan).filter((entry) => expected(JSON.stringify(entry)));
  expect(items).toEqual(wanted);
  expect(total).toBe(wanted.length);
  if (query.search !== 'nowhere') expect(total).toBeGreaterThan(0);
});

test('the list is the canonical plan, as JSON and as a table, also when entries go while it is read', async () => {
  const planner = planOf(400);
  let json = '';
  for await (const piece of listEntries(planner.plan, () => true, [], 'json')) json += piece;
  expect(JSON.parse(json)).toEqual(canonicalPlan(planner.plan));
  let text = '';
  let gone = false;
  for await (const piece of listEntries(planner.plan, () => true, [], 'text')) {
    text += piece;
    if (gone) continue;
    for (let index = 0; index < 400; index += 2) {
      const { namespace, name } = serviceFact(index);
      planner.apply([{ kind: 'Service', key: `${namespace}/${name}`, fact: null }]);
    }
    planner.update();
    gone = true;
  }
  expect(text.startsWith('KIND        WHAT')).toBe(true);
  expect(text.trimEnd().split('\n')).toHaveLength(canonicalPlan(planner.plan).length + 1);
  let empty = '';
  for await (const piece of listEntries(planner.plan, () => false, [], 'json')) empty += piece;
  expect(JSON.parse(empty)).toEqual([]);
});
