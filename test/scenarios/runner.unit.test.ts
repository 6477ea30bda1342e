/** The messages about a scenario file's errors and unmet expectations. */
import { expect, test } from 'vitest';
import { formatFailure } from './runner/judge.ts';
import { parseScenario, ScenarioInvalid } from './runner/parse.ts';
import { failuresOfExplain } from './runner/through-explain.ts';
import { expectedFailures, FILE, scenarioText } from './wrong-expectations.ts';

test('each wrong expectation is reported with its line, and nothing else', async () => {
  const failures = await failuresOfExplain(parseScenario(scenarioText, FILE));
  expect(failures.map(({ origin }) => origin)).toEqual(expectedFailures.map(({ origin }) => origin));
  for (const [index, { message }] of expectedFailures.entries())
    expect(failures[index]?.message).toContain(message);
});

const HEAD = 'title: t\nsource: s\nnode: {name: n1, addresses: [192.0.2.10]}\n';

/** Every error of the text, those that only show when it is carried out too. */
async function errorsOf(text: string): Promise<readonly string[]> {
  try {
    return (await failuresOfExplain(parseScenario(text, 'x.yaml'))).map(formatFailure);
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.details;
    throw error;
  }
}

test.each<[string, string]>([
  ['', 'x.yaml:1: the file is empty: write title, node and steps'],
  ['title: [\n', 'x.yaml:2: no valid YAML'],
  [`${HEAD}steps: [{}]\n---\nsteps: []\n`, 'x.yaml:6: a scenario is one document'],
  ['- a\n', 'x.yaml:1: no mapping with title, source, node and steps'],
  ['title: t\nsource: s\nsteps: [{}]\n', 'x.yaml:1: node: '],
  [`${HEAD}steps: []\n`, 'x.yaml:4: steps: the list is empty'],
  [`${HEAD}stepz: []\nsteps: [{}]\n`, 'x.yaml:4: stepz: unknown key: did you mean steps?'],
  [`${HEAD}steps:\n  - aply: []\n`, 'x.yaml:5: steps.0.aply: unknown key: did you mean apply?'],
  [`${HEAD}steps:\n  - q: []\n`, 'x.yaml:5: steps.0.q: unknown key: use one of name, node, apply, '],
  [`${HEAD}steps:\n  - packets:\n    - {from: 10.0.0.1}\n`, 'x.yaml:6: steps.0.packets.0.to: '],
  [
    `${HEAD}steps:\n  - packets:\n    - {from: 10.0.0.1, to: "10.0.0.2:80"}\n`,
    'x.yaml:6: steps.0.packets.0: expects nothing: add verdict, reaches, as, asPort or masquerade',
  ],
  [
    `${HEAD}steps:\n  - packets:\n    - from: 10.0.0.1\n      to: "10.0.0.2:80"\n      verdict: refused\n`,
    'x.yaml:8: steps.0.packets.0.verdict: write one of dnat, snat, none, drop, reject',
  ],
  [
    `${HEAD}steps:\n  - packets:\n    - {from: 10.0.0.1, to: "10.0.0.2:80", asPort: any}\n`,
    'x.yaml:6: steps.0.packets.0.asPort: write a port, same (it stays) or free',
  ],
  [
    `${HEAD}steps:\n  - packets:\n    - {from: 10.0.0.1, to: "10.0.0.2:80", verdict: none, reach: x}\n`,
    'x.yaml:6: steps.0.packets.0.reach: unknown key: did you mean reaches?',
  ],
  [`${HEAD}steps:\n  - delete: [web]\n`, 'x.yaml:5: steps.0.delete.0: write KIND/NAMESPACE/NAME'],
  [`${HEAD}steps:\n  - ready: [Service/a/b]\n`, 'x.yaml:5: steps.0.ready.0: write pod/NAMESPACE/NAME'],
  [`${HEAD}steps:\n  - findings: [{cod: x}]\n`, 'x.yaml:5: steps.0.findings.0: '],
  [`${HEAD}steps:\n  - entries: [{}]\n`, 'x.yaml:5: steps.0.entries.0: is empty: every entry would fit'],
  [
    `${HEAD}steps:\n  - delete: [Pod/a/b]\n`,
    'x.yaml:5: there is no Pod/a/b at this step; there are none of this kind',
  ],
  [
    `${HEAD}steps:\n  - apply:\n    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}\n`,
    'x.yaml:6: apps/v1 Deployment is of no kind that knat reads',
  ],
  [
    `${HEAD}steps:\n  - apply:\n    - {apiVersion: v1, kind: Pod, metadata: {}}\n`,
    'x.yaml:6: the object has no name',
  ],
  [
    'title: t\nsource: s\nnode: {name: n, addresses: [300.0.0.1]}\nsteps: [{}]\n',
    'x.yaml:3: node.addresses.0: "300.0.0.1" is no',
  ],
  [
    'title: t\nsource: s\nnode: {name: n, programs: [80]}\nsteps: [{}]\n',
    'x.yaml:3: node.programs.0: write text here',
  ],
  [
    'title: t\nsource: s\nnode: {name: n, programs: [80/ICMP]}\nsteps: [{}]\n',
    'x.yaml:3: node.programs.0: "80/ICMP": write PORT/PROTOCOL',
  ],
  [
    'title: t\nsource: s\nnode:\n  name: n\n  config:\n    podCIDR: [10.0.0.0/8]\nsteps: [{}]\n',
    'x.yaml:6: podCIDR: unknown key: did you mean podCIDRs?',
  ],
  [
    `${HEAD}agent:\n  detectLocalMod: x\nsteps: [{}]\n`,
    'x.yaml:5: agent.detectLocalMod: unknown key: did you mean detectLocalMode?',
  ],
  [`${HEAD}agent: {enable: nonsense}\nsteps: [{}]\n`, 'x.yaml:4: agent.enable: '],
  [
    `${HEAD}steps:\n  - findings: [NatConflict]\n`,
    'x.yaml:5: step 1: findings: expected NatConflict, found none',
  ],
  [
    `${HEAD}steps:\n  - apply:\n    - apiVersion: v1\n      kind: Service\n      metadata: {name: a}\n      spec:\n        clusterIP: 10.96.0.1\n        ports: [{port: 99999}]\n`,
    'x.yaml:11: step 1: findings: KNAT_',
  ],
  [
    `${HEAD}steps:\n  - entries: [{kind: PodBinding}]\n`,
    'x.yaml:5: step 1: entries: no entry has {"kind":"PodBinding"}; there is none of its kind',
  ],
  [
    `${HEAD}steps:\n  - noEntries: [{key: scope IPv4}]\n`,
    'x.yaml:5: step 1: noEntries: there is {"kind":"FamilyScope","key":"scope IPv4"',
  ],
])('%j', async (text, message) => {
  expect(
    (await errorsOf(text)).some((line) => line.startsWith(message)),
    (await errorsOf(text)).join('\n'),
  ).toBe(true);
});

test('a list stands for one packet each, where both ends are of one family', () => {
  const packet =
    '{from: [10.0.0.1, "fd00::1"], to: ["10.0.0.2:53", "[fd00::2]:53", svc/a/b], proto: [tcp, udp], verdict: none}';
  const { steps } = parseScenario(`${HEAD}steps:\n  - packets:\n    - ${packet}\n`, 'x.yaml');
  expect(steps[0]?.packets.map(({ from, to, proto }) => `${from} ${to} ${proto}`)).toEqual([
    '10.0.0.1 10.0.0.2:53 tcp',
    '10.0.0.1 10.0.0.2:53 udp',
    '10.0.0.1 svc/a/b tcp',
    '10.0.0.1 svc/a/b udp',
    'fd00::1 [fd00::2]:53 tcp',
    'fd00::1 [fd00::2]:53 udp',
    'fd00::1 svc/a/b tcp',
    'fd00::1 svc/a/b udp',
  ]);
});
