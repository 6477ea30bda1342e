import { describe, expect, test } from 'vitest';
import { ACCEPT_RULE, forwardEdit, savedForward } from './forward-edit.ts';
import { dropText } from './forward-fate.ts';
import { parseSavedTables } from './saved-tables.ts';

function parseSavedForward(text: string) {
  const filter = parseSavedTables(text, 'iptables', 'IPv4').get('filter');
  return filter === undefined ? null : savedForward(filter);
}

const OURS = `-A FORWARD ${ACCEPT_RULE}`;

function saved(policy: string, ...rules: string[]) {
  const chains = [...new Set(rules.map((rule) => rule.split(' ')[1]))].filter((name) => name !== 'FORWARD');
  const text = [
    '*nat',
    ':FORWARD DROP [0:0]',
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    `:FORWARD ${policy} [7:900]`,
    ...chains.map((name) => `:${name} - [0:0]`),
    ...rules,
    'COMMIT',
  ].join('\n');
  const forward = parseSavedForward(text);
  if (forward === null) throw new Error('no FORWARD');
  return forward;
}

/** Where the script puts our rule: the number, `gone`, or `stays` when there is no script. */
function edit(forward: ReturnType<typeof saved>, wanted = true): string {
  const script = forwardEdit(forward, wanted);
  if (script === '') return 'stays';
  return /-I FORWARD (\d+) -m conntrack --ctstate DNAT /.exec(script)?.[1] ?? 'gone';
}

const DOCKER = [
  '-A FORWARD -j DOCKER-USER',
  '-A FORWARD -j DOCKER-FORWARD',
  '-A DOCKER-USER -j RETURN',
  '-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A DOCKER-FORWARD -i docker0 -j ACCEPT',
];
const UFW = [
  '-A FORWARD -j ufw-before-forward',
  '-A FORWARD -j ufw-after-logging-forward',
  '-A FORWARD -j ufw-reject-forward',
  '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A ufw-before-forward -j ufw-user-forward',
  '-A ufw-after-logging-forward -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] -j ACCEPT "',
  '-A ufw-reject-forward -m comment --comment "-j ACCEPT"',
  '-A ufw-user-forward -s 192.0.2.0/24 -j DROP',
];
const REJECT = '-A FORWARD -j REJECT --reject-with icmp-host-prohibited';
const POLICY = '-A FORWARD -m comment --comment "cali:x" -j cali-FORWARD';

describe('where our rule goes', () => {
  test.each([
    ['nothing drops', saved('ACCEPT'), 'stays', null],
    ['an empty chain with policy drop', saved('DROP'), '1', 'policy drop'],
    ['docker', saved('DROP', ...DOCKER), '3', 'policy drop'],
    ['ufw', saved('DROP', ...UFW), '4', 'policy drop'],
    [
      'ufw that rejects',
      saved('DROP', ...UFW, '-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable'),
      '3',
      'rule 3',
    ],
    ['a reject at the end', saved('ACCEPT', '-A FORWARD -i a -j ACCEPT', REJECT), '2', 'rule 2'],
    [
      'after a network policy',
      saved('DROP', POLICY, '-A cali-FORWARD -s 10.0.0.1 -j DROP'),
      '2',
      'policy drop',
    ],
    ['a drop behind a log', saved('ACCEPT', '-A FORWARD -j LOG', '-A FORWARD -j DROP'), '2', 'rule 2'],
    ['everything is accepted before', saved('DROP', '-A FORWARD -j ACCEPT'), 'stays', null],
    [
      'somebody lets pass what was translated',
      saved('DROP', '-A FORWARD -m conntrack --ctstate RELATED,DNAT -j ACCEPT'),
      'stays',
      null,
    ],
    [
      'somebody lets pass what was not translated',
      saved('DROP', '-A FORWARD -m conntrack ! --ctstate DNAT -j ACCEPT'),
      '2',
      'policy drop',
    ],
    [
      'a goto into a chain that returns',
      saved('DROP', '-A FORWARD -g X', '-A FORWARD -j ACCEPT', '-A X -i a -j DROP'),
      '1',
      'rule 1',
    ],
  ])('%s', (_, forward, place, drop) => {
    expect(edit(forward)).toBe(place);
    expect(dropText(forward.fate)).toBe(drop);
  });
});

describe('what is there already', () => {
  test.each([
    ['in its place it stays', saved('DROP', ...DOCKER, OURS), true, 'stays'],
    ['when the policy accepts now it goes', saved('ACCEPT', OURS), true, 'gone'],
    ['when nobody wants it, it goes', saved('DROP', OURS), false, 'gone'],
    ['what is not there need not go', saved('DROP'), false, 'stays'],
    ['two become one', saved('DROP', OURS, OURS), true, '1'],
    ['behind a new reject it moves', saved('ACCEPT', REJECT, OURS), true, '1'],
    [
      'before a rule that was appended it moves behind',
      saved('DROP', OURS, '-A FORWARD -i a -j DROP'),
      true,
      '2',
    ],
  ])('%s', (_, forward, wanted, expected) => {
    expect(edit(forward, wanted)).toBe(expected);
  });

  test('it is deleted by its own line, also of another version, and in the same transaction', () => {
    const old = OURS.replace('--ctstate DNAT', '--ctstate NEW,DNAT');
    expect(forwardEdit(saved('DROP', old, '-A FORWARD -i a -j ACCEPT'), true)).toBe(
      ['*filter', old.replace('-A', '-D'), `-I FORWARD 2 ${ACCEPT_RULE}`, 'COMMIT', ''].join('\n'),
    );
  });
});

test('a text without the table has no chain', () => {
  expect(parseSavedForward("# Table `filter' is incompatible, use 'nft' tool.\n")).toBeNull();
  expect(parseSavedForward('*nat\n:FORWARD DROP [0:0]\nCOMMIT\n')).toBeNull();
});
