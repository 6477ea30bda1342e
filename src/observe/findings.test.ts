import { expect, test } from 'vitest';
import { type Finding, findingOf } from '../model/finding.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { Findings } from './findings.ts';

const pod = { kind: 'Pod', namespace: 'shop', name: 'mail' } as const;
const service = { kind: 'Service', namespace: 'shop', name: 'web' } as const;
const refused = findingOf('NatRestricted', pod, 'port 22 is reserved');
const conflict = {
  code: 'NatConflict',
  key: '203.0.113.7:25/TCP',
  winner: service,
  losers: [pod],
  because: 'it is older',
};

function started() {
  const plan = {
    notices: () => [refused].values(),
    noticeRevision: 3,
    conflicts: new Map([[conflict.key, conflict]]),
  } as unknown as NatPlan;
  const heard: (readonly Finding[])[] = [];
  return { findings: new Findings(plan, (appeared) => heard.push(appeared)), heard };
}

const wrong = findingOf('KNAT_FIELD_TYPE', service, 'must be a number', { severity: 'error', origin: 'a:1' });

test('findings of the sources, of the plan and beside NAT stand in one place', () => {
  const { findings } = started();
  const blocked = findingOf('NatBlockedByFirewall', pod, 'chain FORWARD drops');
  findings.ofSource('a', [wrong]);
  findings.trouble('KNAT_HTTP_ADDRESS', 'in use');
  findings.give('NatBlockedByFirewall', [blocked]);
  expect(findings.problems()).toEqual([wrong, findingOf('KNAT_HTTP_ADDRESS', null, 'in use')]);
  expect(findings.notices()).toEqual([refused, blocked]);
  expect(findings.conflicts()).toEqual([conflict]);
  expect(findings.sourceProblems()).toEqual([wrong]);
});

test('findings replace those of the same name, and listeners hear only new ones', () => {
  const { findings, heard } = started();
  findings.trouble('KNAT_TLS_FILES', null);
  findings.trouble('KNAT_TLS_FILES', 'no key');
  findings.trouble('KNAT_TLS_FILES', 'no key');
  findings.trouble('KNAT_TLS_FILES', null);
  expect(heard).toEqual([[findingOf('KNAT_TLS_FILES', null, 'no key')], []]);
  findings.ofSource('a', [wrong]);
  const other = { ...wrong, field: 'spec' };
  findings.ofSource('a', [wrong, other]);
  expect(heard.slice(2)).toEqual([[wrong], [other]]);
});

test('the revision of notices grows with the plan, and with notices that are given', () => {
  const { findings } = started();
  findings.trouble('KNAT_TLS_FILES', 'no key');
  expect(findings.noticeRevision).toBe(3);
  findings.give('NatBlockedByFirewall', [findingOf('NatBlockedByFirewall', pod, 'drops')]);
  expect(findings.noticeRevision).toBe(4);
});

test('findings about objects, the whole source and source ports are for the cluster; the agent’s own troubles are not', () => {
  const { findings } = started();
  findings.ofSource('kubernetes', [findingOf('KNAT_API_FORBIDDEN', null, 'no rights')]);
  findings.trouble('KNAT_EVENTS_UNWRITTEN', 'no rights');
  findings.trouble('KNAT_PORTS_NEARLY_TAKEN', '90 %');
  findings.give('KNAT_HEALTH_CHECK_PORT', [findingOf('KNAT_HEALTH_CHECK_PORT', service, 'in use')]);
  expect(findings.forCluster().map(({ code }) => code)).toEqual([
    'KNAT_API_FORBIDDEN',
    'KNAT_PORTS_NEARLY_TAKEN',
    'KNAT_HEALTH_CHECK_PORT',
  ]);
});
