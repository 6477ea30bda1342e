import { expect, test } from 'vitest';
import { ip, portOf } from '../../../test/generators/build.ts';
import { familyOf } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import type { Endpoint } from '../../plan/entry.ts';
import { affinityChain, endpointIds, LOCAL_ID } from './affinity.ts';
import { elementComparison, type PlacedElement, PlacedElements, place } from './element.ts';
import { carriedOver, FORMER_MAPS, type FormerElement } from './former-layout.ts';
import { putViews, type Views } from './frontend-elements.ts';
import { LOCAL_VIEW } from './pick-classes.ts';

/** The elements of a frontend as versions before wrote them: maps by number, slots from 0, the Local view from LOCAL_VIEW. */
function formerElements({ tuple, endpoints, localEndpoints, affinityTimeoutSeconds }: Views) {
  const found: PlacedElement[] = [];
  const former: FormerElement[] = [];
  const { address, protocol, port } = tuple;
  const family = familyOf(address);
  const frontend = [address, protocol, port] as const;
  if (localEndpoints !== null) found.push(place(family, 'policy_local', { key: frontend }));
  if (affinityTimeoutSeconds !== null) {
    const verdict = { code: 'goto', chain: affinityChain(affinityTimeoutSeconds, false) } as const;
    const { element } = place(family, 'bound', { key: frontend });
    former.push({ family, map: 'affinity_timeouts', element: { ...element, verdict } });
  }
  for (const [view, first] of [
    [endpoints, 0],
    [localEndpoints ?? [], LOCAL_VIEW],
  ] as const) {
    const ids = endpointIds(view);
    const size = view.length <= 4 ? (String(view.length) as '1' | '2' | '3' | '4') : 'many';
    for (const [index, endpoint] of view.entries()) {
      const key = [address, protocol, port, first + index] as const;
      const data = [endpoint.address, endpoint.port] as const;
      const { element } = place(family, 'endpoints_many', { key, data });
      if (affinityTimeoutSeconds !== null) {
        const id = (ids[index] as number) + (first === 0 ? 0 : LOCAL_ID);
        found.push(place(family, `affinity_ids_${size}`, { key, data: [id] }));
        found.push(place(family, 'affinity_endpoints', { key: [address, protocol, port, id], data }));
      } else if (size === 'many') found.push({ family, set: 'endpoints_many', element });
      else former.push({ family, map: FORMER_MAPS[view.length - 1] ?? 'endpoints_1', element });
    }
  }
  return { found, former };
}

const own = (family: Family, last: number) => ip(family === 'IPv4' ? `10.0.0.${last}` : `2001:db8::${last}`);
const some = (family: Family, count: number): Endpoint[] =>
  Array.from({ length: count }, (_, i) => ({ address: own(family, 100 + i), port: portOf(8080 + i) }));

const tuple = (family: Family, last: number) =>
  ({ address: own(family, last), protocol: 'TCP', port: portOf(80) }) as const;

const texts = (elements: readonly PlacedElement[]) =>
  new Set(elements.map((each) => `${elementComparison.identity(each)} ${elementComparison.value(each)}`));

test.each([1, 2, 3, 4, 5, 40])('frontends with %i endpoints of versions before lead to the same', (count) => {
  for (const family of FAMILIES) {
    for (const timeoutSeconds of [null, 10_800]) {
      for (const localCount of [null, 0, 1, 3, 7]) {
        const views = {
          tuple: tuple(family, 1),
          endpoints: some(family, count),
          localEndpoints: localCount === null ? null : some(family, localCount),
          affinityTimeoutSeconds: timeoutSeconds,
        };
        const { found, former } = formerElements(views);
        const now = new PlacedElements();
        putViews(views, now);
        const kept = found.filter(({ set }) => set === 'policy_local');
        expect(texts(carriedOver(found, former))).toEqual(texts([...kept, ...now.all]));
      }
    }
  }
});

test('what is no endpoint stays as it is, each element once', () => {
  const pods = place('IPv4', 'cluster_ips', { key: [own('IPv4', 1)] });
  const two = [1, 2].map((last) =>
    formerElements({
      tuple: tuple('IPv4', last),
      endpoints: some('IPv4', 2),
      localEndpoints: null,
      affinityTimeoutSeconds: 60,
    }),
  );
  const all = carriedOver(
    [pods, ...two.flatMap(({ found }) => found)],
    two.flatMap(({ former }) => former),
  );
  expect(all[0]).toBe(pods);
  expect(all.filter(({ set }) => set === 'special_chains')).toHaveLength(1);
});
