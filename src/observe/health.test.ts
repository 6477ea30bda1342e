import { describe, expect, test } from 'vitest';
import { type HealthFacts, healthAnswer, isProxyHealthy, serviceHealthAnswer } from './health.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');

const well: HealthFacts = {
  now: NOW,
  synced: true,
  programmedAt: NOW - 3_600_000,
  failingSince: null,
  convergingSince: null,
  nodeEligible: true,
};

function statuses(facts: Partial<HealthFacts>) {
  const of = (path: string) => healthAnswer(path, { ...well, ...facts })?.status;
  return { livez: of('/livez'), readyz: of('/readyz'), healthz: of('/healthz') };
}

describe('healthAnswer', () => {
  test.each<[string, Partial<HealthFacts>, { livez: number; readyz: number; healthz: number }]>([
    ['all is well', {}, { livez: 200, readyz: 200, healthz: 200 }],
    [
      'the source still reads',
      { synced: false, programmedAt: null },
      { livez: 200, readyz: 503, healthz: 503 },
    ],
    ['nothing programmed yet', { programmedAt: null }, { livez: 200, readyz: 503, healthz: 503 }],
    ['failing for a second', { failingSince: NOW - 1_000 }, { livez: 200, readyz: 503, healthz: 200 }],
    ['failing for a minute', { failingSince: NOW - 60_000 }, { livez: 200, readyz: 503, healthz: 503 }],
    ['a converge of a minute', { convergingSince: NOW - 60_000 }, { livez: 200, readyz: 200, healthz: 200 }],
    ['a stuck converge', { convergingSince: NOW - 60_001 }, { livez: 503, readyz: 200, healthz: 503 }],
    ['the node is leaving', { nodeEligible: false }, { livez: 200, readyz: 200, healthz: 503 }],
  ])('%s', (_, facts, expected) => {
    expect(statuses(facts)).toEqual(expected);
  });

  test('after a restart the rules of the agent before do the work, until the kernel is made to match', () => {
    const away = { synced: false, programmedAt: null };
    const since = NOW - 90_000;
    expect(statuses({ ...away, takenOverAt: since })).toEqual({ livez: 200, readyz: 503, healthz: 200 });
    expect(statuses({ ...away, takenOverAt: null })).toEqual({ livez: 200, readyz: 503, healthz: 503 });
    expect(statuses({ ...away, takenOverAt: since, nodeEligible: false }).healthz).toBe(503);
    expect(statuses({ ...away, takenOverAt: since, failingSince: NOW - 60_000 }).healthz).toBe(503);
    expect(isProxyHealthy({ ...well, ...away, takenOverAt: since })).toBe(true);
    expect(healthAnswer('/healthz', { ...well, ...away, takenOverAt: since })?.body).toEqual({
      lastUpdated: '2026-01-01T11:58:30.000Z',
      currentTime: '2026-01-01T12:00:00.000Z',
      nodeEligible: true,
      takenOverAt: '2026-01-01T11:58:30.000Z',
    });
    expect(healthAnswer('/healthz', { ...well, takenOverAt: since })?.body.takenOverAt).toBeUndefined();
  });

  test('the form of kube-proxy while healthy: lastUpdated is the time of the answer', () => {
    const currentTime = '2026-01-01T12:00:00.000Z';
    expect(healthAnswer('/healthz', well)?.body).toEqual({
      lastUpdated: currentTime,
      currentTime,
      nodeEligible: true,
    });
    expect(healthAnswer('/livez', well)?.body).toEqual({ lastUpdated: currentTime, currentTime });
  });

  test('not healthy: when the kernel was last made to match, and why it is not', () => {
    expect(healthAnswer('/healthz', { ...well, nodeEligible: false })?.body).toEqual({
      lastUpdated: '2026-01-01T11:00:00.000Z',
      currentTime: '2026-01-01T12:00:00.000Z',
      nodeEligible: false,
      reason: 'the node is being deleted or about to be',
    });
    expect(healthAnswer('/readyz', { ...well, programmedAt: null })?.body.lastUpdated).toBe(
      '0001-01-01T00:00:00Z',
    );
  });

  test('nothing else is served', () => {
    for (const path of ['/', '/metrics', '/livez/', '/v1/status'])
      expect(healthAnswer(path, well)).toBeNull();
  });
});

describe('the health check of a Service', () => {
  const web = { namespace: 'shop', name: 'web' };
  test.each([
    ['two endpoints, all is well', 2, true, 200, '2'],
    ['no endpoint', 0, true, 503, undefined],
    ['two endpoints, but the proxy is not well', 2, false, 503, '2'],
  ])('%s', (_, count, healthy, status, weight) => {
    const answer = serviceHealthAnswer(web, count, healthy);
    expect(answer.status).toBe(status);
    expect(answer.headers['X-Load-Balancing-Endpoint-Weight']).toBe(weight);
    expect(answer.body).toEqual({ service: web, localEndpoints: count, serviceProxyHealthy: healthy });
  });

  test.each<[string, Partial<HealthFacts>, boolean]>([
    ['the node is about to be deleted: the load balancer knows from /healthz', { nodeEligible: false }, true],
    ['starting: nothing is programmed yet', { programmedAt: null }, false],
    ['the kernel has not matched for two minutes', { failingSince: NOW - 120_000 }, false],
    ['the kernel has not matched for a second', { failingSince: NOW - 1_000 }, true],
  ])('the proxy while %s', (_, facts, healthy) => {
    expect(isProxyHealthy({ ...well, ...facts })).toBe(healthy);
  });
});
