import { expect, test } from 'vitest';
import { ApiError } from '../../kube-api/api-error.ts';
import { type Activity, recoveryOf } from './recovery.ts';
import type { Resource } from './resources.ts';

const services: Resource = { kind: 'Service', group: '', version: 'v1', plural: 'services', optional: false };

function after(status: number, activity: Activity) {
  return recoveryOf(new ApiError('answered', 'no', { status }), activity, services);
}

test.each<[number, Activity, boolean, string | null]>([
  [410, 'watch', true, null],
  [410, 'list', true, 'paging'],
  [410, 'stream', true, null],
  [422, 'stream', true, 'streaming'],
  [400, 'watch', true, null],
  [500, 'watch', false, null],
  [429, 'stream', false, null],
  [503, 'list', false, null],
  [401, 'watch', false, null],
  [403, 'stream', false, null],
])('%d during a %s', (status, activity, relist, avoid) => {
  expect(after(status, activity)).toMatchObject({ relist, avoid });
});

test('a broken watch is resumed once versions were compared; a server that was away is listed anew', () => {
  const broken = recoveryOf(new ApiError('broken', 'reset'), 'watch', services);
  expect(broken).toMatchObject({ relist: false, compareVersions: true });
  expect(recoveryOf(new ApiError('unreachable', 'refused'), 'watch', services)).toMatchObject({
    relist: true,
  });
});

test('the right that is missing is spelt out', () => {
  const slices: Resource = { ...services, group: 'discovery.k8s.io', plural: 'endpointslices' };
  const error = new ApiError('answered', 'forbidden', { status: 403 });
  expect(recoveryOf(error, 'list', slices)).toMatchObject({
    code: 'KNAT_API_FORBIDDEN',
    message:
      'endpointslices.discovery.k8s.io: a ClusterRole must allow get, list and watch on resource "endpointslices" of API group "discovery.k8s.io" (forbidden)',
  });
});
