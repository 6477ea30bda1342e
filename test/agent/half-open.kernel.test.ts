/** Half-open requests of one host do not keep others from getting answers: probes from other hosts, and from the node. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { startKnat } from '../cli/knat.ts';
import { NODE } from '../cli/manifests.ts';
import { ip } from '../generators/build.ts';
import { FlatTopology } from '../netns/flat.ts';
import { enterNamespace } from '../netns/namespace.ts';

const NODE_ADDRESS = '192.0.2.10';
const HEALTH_CHECK_PORT = 30900;
const PORTS = [10256, 8484, 10249, HEALTH_CHECK_PORT];

/** Opens this many connections that send half a request, and opens them again when they are cut, until it ends. */
const HOLD = `
const { connect } = require('node:net');
const [host, port, count] = process.argv.slice(1);
const open = () => {
  const socket = connect(Number(port), host, () => socket.write('GET /livez HTTP/1.1\\r\\nHost: a'));
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(open, 50));
};
for (let index = 0; index < Number(count); index++) open();
setTimeout(() => console.log('held'), 1000);
setTimeout(() => process.exit(), 60000);
`;

/** Requests the path again and again; prints the statuses, 0 for none within two seconds. */
const PROBE = `
const { get } = require('node:http');
const [host, port, path, count] = process.argv.slice(1);
const ask = () => new Promise((resolve) => {
  const call = get({ host, port, path, agent: false, timeout: 2000 }, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  });
  call.on('timeout', () => call.destroy());
  call.on('error', () => resolve(0));
});
(async () => {
  const statuses = [];
  for (let index = 0; index < Number(count); index++) statuses.push(await ask());
  console.log(JSON.stringify(statuses));
})();
`;

const SERVICE = `---
apiVersion: v1
kind: Service
metadata: {name: lb, namespace: shop}
spec: {type: LoadBalancer, clusterIP: 10.96.0.9, externalTrafficPolicy: Local, healthCheckNodePort: ${HEALTH_CHECK_PORT}, ports: [{port: 80}]}
`;

let lab: Lab;
let flat: FlatTopology;
let leave: () => void;
let folder: string;
let agent: ReturnType<typeof startKnat>;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  flat = await FlatTopology.build(lab);
  await flat.configure({
    nodeAddresses: [ip(NODE_ADDRESS)],
    sources: [ip('198.51.100.9')],
    endpoints: [ip('10.244.1.7')],
  });
  leave = enterNamespace(flat.node.namespace);
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  writeFileSync(join(folder, 'node.yaml'), NODE);
  writeFileSync(join(folder, 'service.yaml'), SERVICE);
  const config = join(folder, 'node.config');
  writeFileSync(config, `nodeIPs: [${NODE_ADDRESS}]\n`);
  const everywhere = ['--health-address=0.0.0.0:10256', '--http-address=0.0.0.0:8484'];
  const args = ['agent', '--source', `dir:${folder}`, '--node', 'n1', '--node-config', config];
  agent = startKnat([...args, ...everywhere, '--metrics-address=0.0.0.0:10249']);
  await agent.errorsHave('"programmed"');
});

afterAll(async () => {
  agent.process.kill();
  await agent.ended;
  leave();
  lab.dispose();
  rmSync(folder, { recursive: true });
});

/** Runs a script of Node.js; resolves with its first line. */
function run(command: readonly string[]): { line: Promise<string>; end: () => void } {
  const [program = '', ...words] = command;
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', () => reject(new Error('it ended without output')));
  });
  line.catch(() => {});
  return { line, end: () => child.kill('SIGKILL') };
}

test.each(PORTS)('500 half-open requests to port %s', async (port) => {
  const script = (text: string, ...words: readonly (string | number)[]) => [
    process.execPath,
    '-e',
    text,
    ...words.map(String),
  ];
  const holder = run(flat.clients.command(script(HOLD, NODE_ADDRESS, port, 500)));
  try {
    await holder.line;
    const path = port === 10249 ? '/metrics' : '/livez';
    const probe = (host: string) => script(PROBE, host, port, path, 12);
    const near = port === HEALTH_CHECK_PORT ? NODE_ADDRESS : '127.0.0.1';
    const answers = await Promise.all([
      run(flat.backends.command(probe(NODE_ADDRESS))).line,
      run(probe(near)).line,
      run(probe(NODE_ADDRESS)).line,
    ]);
    for (const statuses of answers.map((text) => JSON.parse(text) as number[])) {
      expect(statuses).toHaveLength(12);
      expect(statuses).not.toContain(0);
    }
  } finally {
    holder.end();
  }
});
