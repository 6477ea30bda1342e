import { expect, test } from 'vitest';
import type { Status } from '../../forms/status.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { NodeAccounts } from './cluster.ts';

const status = {
  node: 'a',
  source: 'kubernetes',
  synced: true,
  failure: null,
  problems: [],
} as unknown as Status;

function plan(revision: number, notices: readonly object[] = []): NatPlan {
  return {
    revision,
    entry: () => ({ kind: 'FamilyScope', pools: [] }),
    count: () => 0,
    countServices: () => 0,
    conflicts: new Map(),
    notices: () => notices.values(),
  } as unknown as NatPlan;
}

const outage = { code: 'KNAT_API_UNAVAILABLE', object: null };
const failure = { message: 'busy', since: '2026-01-01T00:00:00Z' };

test('nothing is reported before the source is read, unless it has a problem', () => {
  const reading = { ...status, synced: false } as Status;
  expect(new NodeAccounts().of(reading, plan(0), null, [])).toBeNull();
  const troubled = { ...reading, problems: [outage] } as unknown as Status;
  expect(new NodeAccounts().of(troubled, plan(0), null, [])).toMatchObject({
    synced: false,
    programmed: null,
  });
});

test('nothing is reported while the kernel is behind the plan, unless it fails: then the last success', () => {
  const accounts = new NodeAccounts();
  expect(accounts.of(status, plan(1, [{ code: 'NatInvalid' }]), 1, [])?.programmed?.notices).toHaveLength(1);
  expect(accounts.of(status, plan(2), 1, [])).toBeNull();
  const failing = { ...status, failure } as Status;
  expect(accounts.of(failing, plan(2), 1, [])).toMatchObject({
    failure: 'busy',
    programmed: { notices: [{ code: 'NatInvalid' }] },
  });
  expect(accounts.of(status, plan(2), 2, [])?.programmed?.notices).toHaveLength(0);
});

test('a kernel that never accepted a change: the failure is reported, and nothing of the plan', () => {
  const failing = { ...status, failure } as Status;
  expect(new NodeAccounts().of(failing, plan(1), null, [])).toMatchObject({
    failure: 'busy',
    programmed: null,
  });
});
