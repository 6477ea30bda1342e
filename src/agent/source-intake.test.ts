import { expect, test } from 'vitest';
import type { Finding } from '../model/finding.ts';
import { stillUnread, unreadIn } from './source-intake.ts';

function problem(code: string, rest: Partial<Finding> = {}): Finding {
  return { code, severity: 'error', origin: '', object: null, field: '', message: code, ...rest };
}

const unread = (...problems: Finding[]) => unreadIn(problems);

const slice = problem('KNAT_FIELD_TYPE', {
  object: { kind: 'EndpointSlice', namespace: 'shop', name: 'a' },
});
const node = problem('KNAT_PREFIX_INVALID', { object: { kind: 'Node', namespace: '', name: 'a' } });

test('errors leave kinds unknown if they name them, else everything', () => {
  expect(unread()).toBeNull();
  expect(unread(problem('KNAT_LAST_GOOD', { severity: 'warning' }))).toBeNull();
  expect(unread(slice, node)).toEqual({
    kinds: ['EndpointSlice', 'Node'],
    anything: false,
    sliceNamespaces: ['shop'],
  });
  expect(unread(problem('KNAT_MANIFEST_SYNTAX'))).toEqual({ kinds: [], anything: true, sliceNamespaces: [] });
  expect(unread(problem('KNAT_IP_MASQ_AGENT_CONFIG'))).toMatchObject({
    kinds: ['IpMasqAgent'],
    anything: false,
  });
});

test('an object that becomes unreadable later keeps its last good state and does not count as unread', () => {
  expect(stillUnread(unread(slice, node), unread(node))).toMatchObject({
    kinds: ['Node'],
    sliceNamespaces: [],
  });
  expect(stillUnread(unread(node), unread(slice))).toBeNull();
  expect(stillUnread(unread(node), unread())).toBeNull();
  expect(stillUnread(null, unread(node))).toBeNull();
});
