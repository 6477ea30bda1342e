import { expect, test } from 'vitest';
import { ApiError } from '../../kube-api/api-error.ts';
import { formatFinding } from '../../model/finding.ts';
import { recoveryOf } from './recovery.ts';
import { wantedResources } from './resources.ts';
import { defaultTimings } from './timings.ts';
import { Troubles } from './troubles.ts';

const resources = wantedResources('node-a', { service: true, pod: true, egress: true });
const required = resources.filter(({ optional }) => !optional);

const answered = (status: number) => new ApiError('answered', `status ${status}`, { status });
const unreachable = new ApiError('unreachable', 'the server cannot be reached');

/** Troubles at a clock that the test sets, and what a person is told: each new problem, and the end. */
function stage(isSynced = true) {
  const log: string[] = [];
  const inForce = new Map<string, number>();
  let now = 0;
  const sink = {
    apply: () => {},
    synced: () => {},
    report: (origin: string, problems: readonly Parameters<typeof formatFinding>[0][]) => {
      for (const problem of problems) log.push(`${problem.severity} ${formatFinding(problem)}`);
      if (problems.length === 0) inForce.delete(origin);
      else inForce.set(origin, problems.length);
    },
    restored: (message: string) => log.push(message),
  };
  const troubles = new Troubles(sink, 'https://api', defaultTimings, () => now);
  const state = new Map<string, { failingSince: number; since: number; kind: string }>();
  /** These fail so at this second; without an error they are well. */
  const at = (seconds: number, error: ApiError | null, which = resources) => {
    now = seconds * 1000;
    for (const resource of which) {
      const name = `${resource.plural}.${resource.group}`;
      if (error === null) {
        state.delete(name);
        troubles.report(resource, null);
        continue;
      }
      const recovery = recoveryOf(error, 'watch', resource);
      const before = state.get(name);
      const { failingSince = now } = before ?? {};
      const since = before?.kind === recovery.kind ? before.since : now;
      state.set(name, { failingSince, since, kind: recovery.kind });
      troubles.report(resource, { recovery, failingSince, since, isSynced });
    }
  };
  return { log, at, inForce };
}

test.each([
  ['403', answered(403), /^warning .*the API server is not ready yet: status 403 \(KNAT_API_UNAVAILABLE\)$/],
  [
    '401',
    answered(401),
    /^warning .*the API server is not ready yet: .*credentials.* \(KNAT_API_UNAVAILABLE\)$/,
  ],
  ['500', answered(500), /^error .*: status 500 \(KNAT_API_UNAVAILABLE\)$/],
  ['503', answered(503), /^error .*busy or starting: status 503 \(KNAT_API_UNAVAILABLE\)$/],
  ['429', answered(429), /^error .*busy or starting: status 429 \(KNAT_API_UNAVAILABLE\)$/],
  ['no connection', unreachable, /^error .*cannot be reached \(KNAT_API_UNAVAILABLE\)$/],
])('%s for 20 s: one line of all resources, and one when it is over', (_, error, line) => {
  const { log, at, inForce } = stage();
  for (let second = 0; second <= 9; second += 3) at(second, error);
  expect(log).toEqual([]);
  for (let second = 10; second <= 20; second += 2) at(second, error);
  at(21, null);
  expect(log).toEqual([expect.stringMatching(line), 'the API server https://api answers again after 21 s']);
  expect(inForce.size).toBe(0);
});

test('a short outage is none to tell of', () => {
  const { log, at } = stage();
  at(0, unreachable);
  at(5, answered(403));
  at(9, null);
  expect(log).toEqual([]);
});

test('away, then 403, then 503: one line', () => {
  const { log, at } = stage();
  at(0, unreachable);
  at(12, unreachable);
  // Refusals are counted from the first refusal on, not from the start of the outage.
  for (let second = 13; second < 40; second += 5) at(second, answered(403));
  at(40, answered(503));
  at(45, null, resources.slice(0, 5));
  at(50, null);
  expect(log).toEqual([
    expect.stringMatching(/cannot be reached/),
    'the API server https://api answers again after 50 s',
  ]);
});

test('refusals that last are rights: one line with all that lack them', () => {
  const { log, at } = stage();
  for (let second = 0; second <= 60; second += 5) at(second, answered(403), required);
  expect(log).toEqual([
    expect.stringMatching(/^warning .*not ready yet/),
    expect.stringMatching(
      /^error .*endpointslices.discovery.k8s.io, .*services: a ClusterRole must allow get, list and watch on them \(status 403\) \(KNAT_API_FORBIDDEN\)$/,
    ),
    'the API server https://api answers again after 30 s',
  ]);
});

test('credentials that are refused for long: one line', () => {
  const { log, at } = stage();
  for (let second = 0; second <= 60; second += 5) at(second, answered(401));
  expect(log.filter((line) => line.includes('KNAT_API_UNAUTHORIZED'))).toHaveLength(1);
});

test('at the start it is reported at once', () => {
  const { log, at } = stage(false);
  at(0, unreachable);
  expect(log).toHaveLength(1);
});

test('a group that another program serves is away by itself', () => {
  const { log, at, inForce } = stage();
  const calico = resources.filter(({ group }) => group === 'projectcalico.org');
  at(0, answered(503), calico);
  expect(log).toEqual([]);
  at(6, answered(503), calico);
  at(7, answered(500), calico);
  expect(log).toEqual([expect.stringMatching(/^error .*projectcalico\.org.*status 503/)]);
  at(8, null, calico);
  expect(log).toHaveLength(1);
  expect(inForce.size).toBe(0);
});
