import { describe, expect, test } from 'vitest';
import { type AgentPod, chooseAgent, noAgentOn, onlyNode } from './agent-pod.ts';

const READY: NonNullable<AgentPod['status']> = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [{ name: 'agent', state: { running: {} } }],
};

function agentPod(name: string, status = READY, deletionTimestamp?: string): AgentPod {
  const metadata = { name, namespace: 'kube-system' };
  return {
    metadata: deletionTimestamp === undefined ? metadata : { ...metadata, deletionTimestamp },
    spec: { containers: [{ name: 'sidecar' }, { name: 'agent' }] },
    status,
  };
}

describe('chooseAgent', () => {
  test('the one that runs', () => {
    const pods = [agentPod('old', { ...READY, phase: 'Failed' }), agentPod('new')];
    expect(chooseAgent(pods, 'a')).toEqual({ namespace: 'kube-system', name: 'new', warning: null });
    expect(chooseAgent([], 'a')).toBeNull();
  });

  test('one that ends only while no other is there', () => {
    const ending = agentPod('ending', READY, '2026-01-31T15:04:05Z');
    expect(chooseAgent([ending, agentPod('next')], 'a')?.name).toBe('next');
    expect(chooseAgent([ending], 'a')?.name).toBe('ending');
  });

  test('one that is not Ready, with a warning', () => {
    const { warning } = chooseAgent([agentPod('x', { ...READY, conditions: [] })], 'a') ?? {};
    expect(warning).toContain('Pod kube-system/x, is not Ready');
  });

  test.each<[string, NonNullable<AgentPod['status']>, string]>([
    [
      'waits',
      { containerStatuses: [{ name: 'agent', state: { waiting: { reason: 'ErrImagePull' } } }] },
      'ErrImagePull',
    ],
    [
      'has ended',
      { containerStatuses: [{ name: 'agent', state: { terminated: { exitCode: 3 } } }] },
      'exit status 3',
    ],
    ['has not begun', { phase: 'Pending' }, 'Pending'],
  ])('one that %s is not asked', (_, status, message) => {
    expect(() => chooseAgent([agentPod('x', status)], 'a')).toThrow(message);
  });

  test('several agents and a Pod that cleans up are distinguished', () => {
    expect(() => chooseAgent([agentPod('x'), agentPod('y')], 'a')).toThrow('several Pods on node a');
    const cleaner = { ...agentPod('x'), spec: { containers: [{ name: 'clean' }] } };
    const cleaning = catchError(() => chooseAgent([cleaner], 'a'));
    expect(cleaning).toMatchObject({ code: 'KNAT_AGENT_NOT_FOUND' });
    expect(String(cleaning.details)).toContain('cleanup.enabled=true');
  });
});

test('many nodes are counted, not all listed', () => {
  const nodes = Array.from({ length: 30 }, (_, index) => `n${index}`);
  const several = catchError(() => onlyNode(nodes, 'l'));
  expect(several).toMatchObject({
    code: 'KNAT_NODE_NOT_NAMED',
    message: 'agents run on 30 nodes: which one is asked?',
  });
  expect(several.details[0]).toMatch(/n19 and 10 more$/);
  expect(onlyNode(['a'], 'l')).toBe('a');
  expect(() => onlyNode([], 'app=x')).toThrow('none has app=x');
  expect(noAgentOn('z', ['a'], 'l').details).toEqual(['agents run on: a']);
});

function catchError(act: () => unknown): Error & { details: readonly string[] } {
  try {
    act();
  } catch (error) {
    return error as Error & { details: readonly string[] };
  }
  throw new Error('nothing was thrown');
}
