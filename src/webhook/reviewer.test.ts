import { describe, expect, test } from 'vitest';
import { nodeObject, present } from '../../test/generators/build.ts';
import { judgeOne } from '../cli/verify/judge.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { defaultPodNatOptions } from '../sources/objects/metadata.ts';
import { SharedValues } from '../sources/objects/shared.ts';
import { ClusterState } from './cluster-state.ts';
import type { Judge, ProtectedExpectation } from './expectations.ts';
import type { ReviewRequest } from './review.ts';
import { Reviewer } from './reviewer.ts';
import { WARNING_LENGTH, WARNINGS_MOST } from './words.ts';

interface Scene {
  readonly state: ClusterState;
  readonly outcomes: string[];
  readonly errors: unknown[];
  review(request: ReviewRequest): ReturnType<Reviewer['review']>;
}

interface SceneOptions {
  readonly nodes?: number;
  readonly expectations?: readonly ProtectedExpectation[];
  readonly judge?: Judge;
  readonly now?: () => number;
  readonly isSynced?: boolean;
}

function scene({
  nodes = 2,
  expectations = [],
  judge = judgeOne,
  now = () => 0,
  isSynced = true,
}: SceneOptions): Scene {
  const state = new ClusterState({ nodeConfig: {}, plan: defaultPlanOptions });
  for (let index = 1; index <= nodes; index++) {
    state.apply([present('Node', nodeObject(`n${index}`, [`192.0.2.${index}`]))]);
  }
  if (isSynced) state.synced();
  const [outcomes, errors]: [string[], unknown[]] = [[], []];
  const reviewer = new Reviewer({
    ...{ state, judge, now },
    guarded: () => ({ node: 'n2', expectations }),
    context: () => ({ shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} }),
    ended: ({ outcome, isIncomplete }) => outcomes.push(isIncomplete ? `${outcome}, incomplete` : outcome),
    failed: (error) => errors.push(error),
  });
  return { state, outcomes, errors, review: (request) => reviewer.review(request) };
}

function service(ports: readonly object[] = [{ port: 80 }], metadata: object = {}, spec: object = {}) {
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: { clusterIP: '10.96.0.10', ports, ...spec },
  };
}

function request(
  oldObject: object | null,
  object: object | null,
  more: Partial<ReviewRequest> = {},
): ReviewRequest {
  const operation = oldObject === null ? 'CREATE' : object === null ? 'DELETE' : 'UPDATE';
  return {
    ...{
      uid: 'u',
      operation,
      apiVersion: 'v1',
      kind: 'Service',
      namespace: 'shop',
      name: 'web',
      oldObject,
      object,
    },
    ...more,
  };
}

const answers: ProtectedExpectation = {
  ...{ name: 'the shop refuses', origin: 'expectations.yaml:2', from: '198.51.100.9', to: '10.96.0.10:80' },
  verdict: 'reject',
};

describe('fails open', () => {
  test('until the cluster has been read, and says so', () => {
    const { review, outcomes } = scene({ isSynced: false });
    expect(review(request(null, service()))).toEqual({
      denial: null,
      warnings: ['knat is still reading the cluster: nobody looked at what this change does'],
    });
    expect(outcomes).toEqual(['not read yet']);
  });

  test('after an error of knat, which the next review does not inherit', () => {
    let isBroken = true;
    const judge: Judge = (expectation, planner) => {
      if (isBroken) throw new Error('broken');
      return judgeOne(expectation, planner);
    };
    const { review, outcomes, errors } = scene({ expectations: [answers], judge });
    expect(review(request(null, service()))).toEqual({
      denial: null,
      warnings: ['knat could not tell what this change does: its log says why'],
    });
    isBroken = false;
    expect(review(request(null, service())).warnings[0]).toContain('on all 2 nodes');
    expect([outcomes, errors.length]).toEqual([['failed, incomplete', 'warned'], 1]);
  });

  test('when the time is over: protected expectations first, the rest is counted', () => {
    let now = 0;
    const { review, outcomes } = scene({ nodes: 5, now: () => (now += 250), expectations: [answers] });
    const { warnings } = review(request(null, service()));
    expect(warnings[0]).toMatch(/^knat: on node n2: /);
    expect(warnings.at(-1)).toBe('knat: 4 of 5 nodes were not looked at: the time was over');
    expect(outcomes).toEqual(['warned, incomplete']);
  });

  test('for objects that knat cannot use, with the reason', () => {
    const { review, outcomes } = scene({});
    const { denial, warnings } = review(
      request(service(), service([{ port: 80 }], {}, { clusterIP: '10.96' })),
    );
    expect(denial).toBeNull();
    expect(warnings[0]).toMatch(
      /^knat cannot use this object and keeps the last good version: Service shop\/web/,
    );
    expect(outcomes).toEqual(['cannot be used']);
  });
});

describe('of no interest', () => {
  test.each([
    [
      'a kind that knat does not read',
      request(null, { metadata: { name: 'a' } }, { apiVersion: 'apps/v1', kind: 'Deployment' }),
    ],
    ['a Service of another group', request(null, service(), { apiVersion: 'serving.knative.dev/v1' })],
    ['another label', request(service(), service([{ port: 80 }], { labels: { tier: 'front' } }))],
    ['a headless Service', request(null, service([{ port: 80 }], {}, { clusterIP: 'None' }))],
  ])('%s: no word', (_, each) => {
    const { review, outcomes } = scene({});
    expect(review(each)).toEqual({ denial: null, warnings: [] });
    expect(['of no interest', 'no packet changes']).toContain(outcomes[0]);
  });
});

describe('protected expectations', () => {
  const before = service();

  function known(options: SceneOptions = {}): Scene {
    const made = scene({ expectations: [answers], ...options });
    made.review(request(null, before));
    return made;
  }

  test('one that was met and would not be denies, with its node and what would be', () => {
    const { denial } = known().review(request(before, null));
    expect(denial).toBe(
      'this breaks a protected expectation: "the shop refuses" (expectations.yaml:2, node n2): verdict expected reject, would be none. To make the change nevertheless, give the object the annotation knat.dev/may-break: "the shop refuses"',
    );
  });

  test('one that is not met before denies nothing', () => {
    const { denial } = known({ expectations: [{ ...answers, verdict: 'drop' }] }).review(
      request(before, null),
    );
    expect(denial).toBeNull();
  });

  test.each(['the shop refuses', 'other; the shop refuses ', '*'])(
    'the annotation "%s" allows it, with a warning',
    (text) => {
      const annotated = service([{ port: 80 }], { annotations: { 'knat.dev/may-break': text } });
      const { denial, warnings } = known().review(request(annotated, null));
      expect([denial, warnings[0]]).toEqual([
        null,
        'knat: breaks "the shop refuses" (expectations.yaml:2), which the annotation knat.dev/may-break allows',
      ]);
    },
  );

  test('an annotation for another one does not', () => {
    const annotated = service([{ port: 80 }], { annotations: { 'knat.dev/may-break': 'the shop' } });
    expect(known().review(request(annotated, null)).denial).not.toBeNull();
  });

  test('what does not concern it is not judged', () => {
    const judge: Judge = () => {
      throw new Error('judged');
    };
    const { review, errors } = scene({ expectations: [answers], judge });
    const other = { ...service(), metadata: { name: 'api', namespace: 'shop' } };
    review(request(null, { ...other, spec: { ...other.spec, clusterIP: '10.96.0.11' } }, { name: 'api' }));
    expect(errors).toEqual([]);
  });

  test('a denial of many names a few, and counts the others', () => {
    const expectations = Array.from({ length: 40 }, (_, index) => ({
      ...answers,
      name: `e${index}`,
      to: '10.96.0.10:80',
    }));
    const { denial } = known({ expectations }).review(request(before, null));
    expect(denial).toContain('this breaks 40 protected expectations: "e0"');
    expect(denial).toContain('; and 35 more.');
    expect(denial?.length).toBeLessThan(2_000);
  });
});

test('warnings are few, and short enough for the API server, whatever names and numbers there are', () => {
  const { review } = scene({});
  const ports = Array.from({ length: 40 }, (_, index) => ({
    ...{
      name: `port-${index}-${'x'.repeat(40)}`,
      port: 1000 + index * 7,
      protocol: index % 2 === 0 ? 'TCP' : 'UDP',
    },
    nodePort: 30_000 + index * 3,
  }));
  const addresses = { externalIPs: ['203.0.113.1', '203.0.113.2'], type: 'NodePort' };
  const { warnings } = review(request(null, service(ports, { name: 'n'.repeat(63) }, addresses)));
  expect(warnings.length).toBeLessThanOrEqual(WARNINGS_MOST + 1);
  expect(warnings.length).toBeGreaterThan(1);
  for (const warning of warnings) expect([...warning].length).toBeLessThanOrEqual(WARNING_LENGTH);
});
