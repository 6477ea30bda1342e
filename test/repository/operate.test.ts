import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { printStatus } from '../../src/cli/commands/status.ts';
import type { Status } from '../../src/forms/status.ts';
import { listeningContext } from './command.ts';

/** docs/operate.md quotes what `knat status` prints and the alerts of the chart. */

const page = readFileSync('docs/operate.md', 'utf8');

const well: Status = {
  ...{ version: '1.2.3', processId: 4711, node: 'node-1', source: 'kubernetes', synced: true },
  ...{ startedAt: '2026-01-31T03:00:00.000Z', failure: null, kubeProxy: null },
  enabled: { service: true, pod: true, egress: true },
  capabilities: { kernel: '6.12.0' },
  programmed: {
    ...{
      at: '2026-01-31T03:00:01.000Z',
      revision: 7,
      milliseconds: 12,
      skeleton: 'kept',
      compared: 'changes',
    },
    ...{ elementsAdded: 3, elementsDeleted: 0 },
  },
  state: { level: 'good', text: 'in force', why: '' },
  counts: { frontends: 1, bindings: 0, podSources: 0, pools: 0 },
  findings: { conflicts: 0, notices: 0, problems: 0 },
  ...{ conflicts: [], notices: [], problems: [] },
};
const failure = { message: 'no space is left on the device', since: '2026-01-31T03:00:02.000Z' };
const conflict = {
  code: 'NatConflict',
  key: '203.0.113.7:25/TCP',
  winner: { kind: 'Service', namespace: 'shop', name: 'web' },
  losers: [{ kind: 'Pod', namespace: 'shop', name: 'mail' }],
  because: 'a Service comes before Pods',
} as const;

function printed(change: Partial<Status>): string {
  const { context, printed } = listeningContext();
  printStatus({ ...well, ...change }, context.terminal);
  return printed().output;
}

const outputs = [{}, { failure }, { synced: false }, { conflicts: [conflict] }].map(printed).join('\n');

test('knat status prints the words that the page quotes', () => {
  const [, section = ''] = page.split('## 1. The agent: `knat status`');
  const cells = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (.*?) \|/gm)].map(
    ([, cell = '']) => cell,
  );
  const quotes = cells.flatMap((cell) => [...cell.matchAll(/`([A-Z]\S*)` says `([^`]*?)(?: …)?`/g)]);
  expect(quotes).toHaveLength(4);
  for (const [quote, label, words] of quotes) {
    expect(outputs, quote).toMatch(new RegExp(`^${label} +.*${words}`, 'm'));
  }
  const counted = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)` counts/g)]).map(([, label]) => label);
  for (const label of counted) expect(outputs).toMatch(new RegExp(`^${label} +1\\n  \\S`, 'm'));
  expect(counted).toEqual(['Problems']);
  expect(page).toContain('A conflict (`belongs to …`)');
  expect(outputs).toMatch(/^ {2}Pod shop\/mail: .* belongs to Service shop\/web: /m);
});

test('every alert of the chart has a row, and every row an alert', () => {
  const { groups } = parse(readFileSync('charts/knat/files/alerts.yaml', 'utf8')) as {
    groups: { rules: { alert: string }[] }[];
  };
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const rows = [...page.matchAll(/^\| (Knat\w+(?:, Knat\w+)*) \|/gm)].flatMap(([, names = '']) =>
    names.split(', '),
  );
  expect(rows.sort()).toEqual(alerts.sort());
});
