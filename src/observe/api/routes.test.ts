import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AgentFacts, Companion } from '../../agent/companion.ts';
import { kernelDifference } from '../../agent/companions/difference.ts';
import { flowsForPeople } from '../../agent/companions/flows.ts';
import { history } from '../../agent/companions/history.ts';
import { packetTraces } from '../../agent/companions/packet-traces.ts';
import { whatIfAnswers } from '../../agent/companions/what-if.ts';
import { defaultFlowSettings } from '../../agent/settings.ts';
import { API_PATH } from '../../forms/request.ts';
import { routes } from '../../forms/routes.ts';
import { FragmentUnion } from '../../plan/fragment-union.ts';
import { defaultPodNatOptions } from '../../sources/objects/metadata.ts';
import { Gate } from '../http/gate.ts';
import { metricsSite, wholeSite } from '../http/site.ts';
import { Observations } from '../observations.ts';
import { answerLines, LINES } from './route.ts';
import { apiOf, describeApi } from './routes.ts';
import type { AgentView } from './view.ts';

const view = {
  reading: () => null,
  status: () => ({ version: '0.1.0' }),
  plan: new FragmentUnion(),
  observations: new Observations({ kubeProxyNames: true }),
} as unknown as AgentView;
const agent = { observations: view.observations } as AgentFacts;
const companions: Companion[] = [
  flowsForPeople(defaultFlowSettings)(agent),
  history(null, '0.1.0')(agent),
  whatIfAnswers({ script: '', podNat: defaultPodNatOptions })(agent),
  kernelDifference({ preview: async () => Promise.reject(new Error('not asked')) })(agent),
  packetTraces(agent),
];

const api = apiOf(
  view,
  companions.flatMap(({ routes = [] }) => routes),
);
const gate = new Gate({ reviewer: null as never, now: () => 0 });
const parts = { api, view, gate, openMetrics: false };

interface Operation {
  readonly summary?: string;
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>;
}
const document = describeApi(api, '0.1.0') as { paths: Record<string, Record<string, Operation>> };

/** `GET /path` of all that answers; what stands before others (middleware) has the method ALL. */
function registered(app: { readonly routes: readonly { method: string; path: string }[] }): string[] {
  const answered = app.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(answered.map(({ method, path }) => `${method} ${path}`))].sort();
}

test('the description has exactly the routes that the server registers', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(API_PATH, '')}`),
  );
  expect(described.sort()).toEqual(registered(api));
  expect(described).toContain('GET /flows/watch');
});

test('every path that src/forms declares is answered, and no other', () => {
  const declared = Object.values(routes).map(
    (route) => `${'posted' in route ? 'POST' : 'GET'} ${route.path}`,
  );
  expect(registered(api)).toEqual(declared.sort());
});

test('every route has a summary and the schema of its answer', () => {
  for (const [path, { get: read, post }] of Object.entries(document.paths)) {
    const get = read ?? post;
    expect(get?.summary, path).toMatch(/\S/);
    const content = get?.responses['200']?.content ?? {};
    const isLines = ['/flows', '/watch', '/trace'].some((end) => path.endsWith(end));
    expect(Object.keys(content), path).toEqual([isLines ? LINES : 'application/json']);
    for (const { schema } of Object.values(content)) expect(Object.keys(schema ?? {}), path).not.toEqual([]);
  }
});

test('docs/http-api.md names every path that is served, and no other', () => {
  const text = readFileSync('docs/http-api.md', 'utf8');
  const rows = [...text.matchAll(/^\| (`\/[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\/[^`]+)`/g)].map(([, path = '']) => path),
  );
  const [ours, others] = [registered(api), registered(wholeSite(parts))].map((some) =>
    some.map((route) => route.replace(/^(GET|POST) /, '')),
  ) as [string[], string[]];
  // `/*` is the page, where it was built.
  const site = others.filter((path) => !path.startsWith(API_PATH) && !['*', '/*'].includes(path));
  const metrics = registered(metricsSite(parts));
  expect(metrics).toEqual(['GET /metrics']);
  const documented = rows.filter((path) => path !== `${API_PATH}/…`);
  expect([...new Set(documented)].sort()).toEqual([...new Set([...ours, ...site])].sort());
});

test('lines are served as such', async () => {
  const app = apiOf(view, [
    (app) =>
      answerLines(app, routes.flows, async function* () {
        yield new TextEncoder().encode('{"end":{}}\n');
      }),
  ]);
  const answer = await app.request('/flows');
  expect(answer.headers.get('content-type')).toBe(LINES);
  expect(await answer.text()).toBe('{"end":{}}\n');
});

test.each(['/entries?kind=%C2%9B31m%E2%80%AE', '/status'])(
  'control characters are escaped: %s',
  async (path) => {
    const status = () => ({ version: '\u009b31m\u202e', conflicts: [], notices: [], problems: [] });
    const answer = await apiOf({ ...view, status } as unknown as AgentView, []).request(path);
    expect(answer.headers.get('content-type')).toContain('application/json');
    const text = await answer.text();
    expect(text).toContain('\\u009b31m\\u202e');
    expect(JSON.stringify(JSON.parse(text))).toContain('\u009b31m\u202e');
  },
);
