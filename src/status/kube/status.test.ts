import { expect, test } from 'vitest';
import { findingOf, type Notice } from '../../model/finding.ts';
import type { NodeAccount } from './account.ts';
import { rowsOf } from './rows.ts';
import { statusOf } from './status.ts';

const counts = { services: 0, frontends: 0, bindings: 0, podSources: 0, pools: 0, conflicts: 0 };

function notices(name: string, count: number, text = 'nothing'): Notice[] {
  const object = { kind: 'Pod', namespace: 'shop', name } as const;
  return Array.from({ length: count }, (_, index) =>
    findingOf('NatInvalid', object, `entry ${String(index).padStart(5, '0')}: ${text}`),
  );
}

function rejected(given: readonly Notice[]) {
  const programmed = { counts, bindings: [], conflicts: [], notices: given };
  const account = {
    node: 'n1',
    version: '1',
    capabilities: { kernel: '' },
    enabled: { service: true, pod: true, egress: true },
    programmed,
    problems: [],
    failure: null,
  } as unknown as NodeAccount;
  return statusOf(account, rowsOf(account), null, 1, '2026-01-01T00:00:00Z').rejected ?? [];
}

test('one pod with 20,000 notices leaves room for others, and says how many it has', () => {
  const others = Array.from({ length: 40 }, (_, index) => notices(`z${index}`, 2)).flat();
  const rows = rejected([...notices('a', 20_000), ...others]);
  const names = rows.map(({ object }) => object.name);
  expect(names.filter((name) => name === 'a')).toHaveLength(8);
  expect(new Set(names).size).toBe(41);
  expect(rows[7]?.message).toBe('entry 00007: nothing; and 19992 more');
  expect(rows).toHaveLength(88);
});

test('with many objects each has a row, as long as there is room', () => {
  const given = Array.from({ length: 150 }, (_, index) => notices(`p${1000 + index}`, 5)).flat();
  const rows = rejected(given);
  expect(rows).toHaveLength(100);
  expect(new Set(rows.map(({ object }) => object.name)).size).toBe(100);
  expect(rows[0]?.message).toBe('entry 00000: nothing; and 4 more');
});

test('texts of objects change nothing in a terminal', () => {
  const [row] = rejected(notices('a', 1, '\u001b[2J\nNode is well \u202e'));
  expect(row?.message).toBe('entry 00000: \\u001b[2J\\nNode is well \\u202e');
});

test.each([
  [true, false, 'True', 'ByKnat'],
  [false, true, 'False', 'LeftToKubeProxy'],
  [false, false, 'False', 'NotEnabled'],
])(
  'who does the NAT of Services: knat %s, left to kube-proxy %s',
  (service, servicesLeft, status, reason) => {
    const account = {
      ...{
        node: 'n1',
        version: '1',
        capabilities: { kernel: '' },
        programmed: null,
        problems: [],
        failure: null,
      },
      ...{ enabled: { service, pod: true, egress: true }, servicesLeft },
    } as unknown as NodeAccount;
    const { conditions } = statusOf(account, rowsOf(account), null, 1, '2026-01-01T00:00:00Z');
    expect(conditions.find(({ type }) => type === 'ServiceNAT')).toMatchObject({ status, reason });
  },
);
