/** Objects whose names, labels and annotations try to control the terminal of the reader. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { hasUnseen } from '../../src/model/printable.ts';
import { knat } from './knat.ts';
import { NODE } from './manifests.ts';
import { nodeFixture } from './node-fixture.ts';

const node = nodeFixture();

/** Clears the screen, writes the clipboard, hides and reverses text, begins new lines. */
const HOSTILE =
  '\u001b[2J\u001b]52;c;aGk=\u0007\u009b31m\u202eevil\u2066\u200b\r\nKernel       matches the plan\u2028x';
const name = (text: string) => JSON.stringify(`${text}${HOSTILE}`);

const OBJECTS = `apiVersion: v1
kind: Service
metadata: {name: ${name('svc')}, namespace: ${name('ns')}}
spec: {clusterIP: 10.96.0.66, clusterIPs: ["10.96.0.66"], ports: [{name: ${name('p')}, port: 80, targetPort: ${name('t')}}], loadBalancerIP: ${name('lb')}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name('slice')}, namespace: ${name('ns')}, labels: {kubernetes.io/service-name: ${name('svc')}}}
addressType: IPv4
ports: [{name: ${name('p')}, port: 8080}]
endpoints: [{addresses: [10.244.1.66, ${name('no address')}]}]
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name('pod')}
  namespace: ${name('ns')}
  uid: u1
  annotations:
    bln.space/podnat: ${JSON.stringify(
      JSON.stringify({
        entries: [
          { srcPort: 25, srcIP: HOSTILE, dstPort: 25 },
          { [HOSTILE]: 1, srcPort: 26, dstPort: 26, protocol: HOSTILE },
        ],
      }),
    )}
spec: {nodeName: n1}
status: {podIP: 10.244.1.66, podIPs: [{ip: 10.244.1.66}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name('other')}, namespace: ${name('ns')}, uid: u2, annotations: {bln.space/podnat: ${name('no json')}}}
spec: {nodeName: n1}
status: {podIP: 10.244.1.67, podIPs: [{ip: 10.244.1.67}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: ${name('pool')}}
spec: {cidr: ${name('10.244.0.0/16')}, natOutgoing: true}
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: ${name('good')}}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;

const EXPECTATIONS = `expect:
  - {name: ${name('e')}, from: 10.244.1.5, to: "10.96.0.66:80", verdict: none}
`;

beforeEach(() => {
  writeFileSync(join(node.folder, 'node.yaml'), NODE);
  writeFileSync(join(node.folder, 'hostile.yaml'), OBJECTS);
  writeFileSync(join(node.folder, 'hostile\u001b[31m\u202e.yaml'), `kind: ${name('Kind')}\n`);
});

/** Escape sequences of the program itself. */
const COLORS = [1, 2, 22, 31, 32, 33, 39].map((code) => `\u001b[${code}m`);

/** Lines that a foreign text began, and invisible characters. */
function expectHarmless({ output, errors }: { output: string; errors: string }, what: string): void {
  for (const [index, line] of `${output}\n${errors}`.split('\n').entries()) {
    expect(hasUnseen(line), `${what}, line ${index}: ${JSON.stringify(line)}`).toBe(false);
    if (!what.startsWith('status')) expect(line, what).not.toMatch(/^\s*Kernel {7}matches the plan/);
  }
}

test('every command, offline', async () => {
  writeFileSync(join(node.folder, '.expectations'), EXPECTATIONS);
  const commands = [
    ['agent', ...node.source, '--once', '--log-format', 'text'],
    ['agent', ...node.source, '--once', '--log-format', 'json'],
    ['agent', ...node.source, '--dry-run'],
    ['agent', ...node.source, '--dry-run', '-o', 'json'],
    ['diff', ...node.source],
    ['explain', ...node.source, '--from', '10.244.1.66', '--to', '10.96.0.66:80'],
    ['explain', ...node.source, '--from', '10.244.1.66', '--to', '198.51.100.1:80'],
    ['explain', ...node.source, '--from', '198.51.100.1', '--to', '192.0.2.1:25'],
    ['explain', ...node.source, '--from', `pod/a/${HOSTILE}`, '--to', '1.2.3.4:5'],
    ['explain', ...node.source, '--from', HOSTILE, '--to', '1.2.3.4:5'],
    ['verify', ...node.source, join(node.folder, '.expectations')],
    ['doctor', ...node.source],
    ['status'],
    ['flows'],
    ['agent', '--source', `dir:/nowhere${HOSTILE}`, '--once'],
    ['entries', '--kind', HOSTILE],
  ];
  for (const command of commands) {
    const ended = await knat(command);
    expectHarmless(ended, command.slice(0, 1).concat(command.slice(5)).join(' '));
    expect(ended.status, `${command.join(' ')}: ${ended.errors}`).not.toBe(70);
  }
});

test('every command that asks an agent; JSON and YAML have the very texts', async () => {
  const running = await node.startAgent();
  const commands = [
    ['status'],
    ['entries'],
    ['entries', '--kind', 'refused'],
    ['explain', '--from', '10.244.1.66', '--to', '10.96.0.66:80'],
    ['explain', '--from', '10.244.1.66', '--to', '198.51.100.1:80'],
    ['flows'],
    ['flows', '--ports'],
    ['diff', ...node.source],
    ['doctor'],
  ];
  for (const command of commands) {
    for (const color of ['', '1']) {
      const ended = await knat(command, {
        environment: color === '' ? {} : { FORCE_COLOR: color, COLUMNS: '80' },
      });
      const plain = (text: string) =>
        color === '' ? text : COLORS.reduce((rest, color) => rest.replaceAll(color, ''), text);
      expectHarmless({ output: plain(ended.output), errors: plain(ended.errors) }, command.join(' '));
    }
    const json = await knat([...command, '-o', 'json']);
    expectHarmless(json, `${command.join(' ')} as JSON`);
    JSON.parse(json.output);
    expectHarmless(await knat([...command, '-o', 'yaml']), `${command.join(' ')} as YAML`);
  }
  const entries = JSON.parse((await knat(['entries', '-o', 'json'])).output);
  expect(JSON.stringify(entries)).toContain(JSON.stringify(`svc${HOSTILE}`).slice(1, -1));
  running.process.kill();
  expectHarmless(await running.ended, 'the log as JSON');
});
