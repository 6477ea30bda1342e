/**
 * npm run bench:webhook -- --services N --nodes N --count N -o json
 *
 * What one review of `knat webhook` takes, from the parsed AdmissionReview to the answer. bench/README.md says what is not
 * measured.
 */
import { parseArgs } from 'node:util';
import { judgeOne } from '../src/cli/verify/judge.ts';
import { prefixOf } from '../src/net/prefix.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { defaultPodNatOptions } from '../src/sources/objects/metadata.ts';
import { SharedValues } from '../src/sources/objects/shared.ts';
import { ClusterState } from '../src/webhook/cluster-state.ts';
import type { ReviewRequest } from '../src/webhook/review.ts';
import { Reviewer } from '../src/webhook/reviewer.ts';
import { ip, nodeObject, pod, pool, present } from '../test/generators/build.ts';
import { serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { costOfEach, round } from './cost.ts';

const PODS = 30;
const PROTECTED = 20;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '5000' },
    nodes: { type: 'string', default: '200' },
    count: { type: 'string', default: '200' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const [services, nodes, count] = [Number(values.services), Number(values.nodes), Number(values.count)];

const nodeAddress = (index: number) => `192.0.${index >> 8}.${index & 255}`;
const podAddress = (node: number, index: number) => `10.${144 + (node >> 8)}.${node & 255}.${index + 1}`;

const heap = heapMiB();
const state = new ClusterState({
  nodeConfig: { serviceCIDRs: [prefixOf('10.96.0.0/12')] },
  plan: defaultPlanOptions,
});
state.apply([present('IPPool', pool('pods', '10.128.0.0/9', { natOutgoing: true }))]);
for (let node = 0; node < nodes; node++) {
  state.apply([present('Node', nodeObject(`node-${node}`, [nodeAddress(node)]))]);
  for (let index = 0; index < PODS; index++) {
    const name = ['pod', node, index].join('-');
    const place = { namespace: 'team', name, nodeName: `node-${node}`, ips: [ip(podAddress(node, index))] };
    state.apply([present('Pod', pod([], { ...place, nat: null }))]);
  }
}
for (let index = 0; index < services; index++) {
  state.apply([present('Service', serviceFact(index)), present('EndpointSlice', sliceFact(index, 3))]);
}
state.synced();
settle();
const memoryMiB = round(heapMiB() - heap);

const expectations = Array.from({ length: PROTECTED }, (_, index) => {
  const { namespace, name } = serviceFact(index);
  const packet = { from: '198.51.100.9', to: `svc/${namespace}/${name}:http` };
  return { ...packet, origin: `expectations.yaml:${index}`, verdict: 'dnat' as const };
});
const reviewer = new Reviewer({
  state,
  guarded: () => ({ node: 'node-1', expectations }),
  judge: judgeOne,
  context: () => ({ shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} }),
  now: () => performance.now(),
  budget: Number.POSITIVE_INFINITY,
  ended: () => {},
  failed: (error) => {
    throw error;
  },
});

const web = serviceFact(7);
const service = (spec: object = {}, labels: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Service' },
  metadata: { ...named(web.name, web.namespace, web.uid), labels },
  spec: {
    ...{ clusterIP: web.clusterIPs[0], clusterIPs: web.clusterIPs, type: 'ClusterIP' },
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    ...spec,
  },
});
const slice = (shift: number) => ({
  ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
  metadata: {
    ...named('service-7-abcde', web.namespace),
    labels: { 'kubernetes.io/service-name': web.name },
  },
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: sliceFact(7, 3, shift).endpoints.map(({ address }) => ({ addresses: [address] })),
});
const bound = (annotations: object) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { ...named('pod-3-3', 'team', 'uid-smtp'), annotations },
  spec: { nodeName: 'node-3', containers: [] },
  status: { podIPs: [{ ip: podAddress(3, 3) }], conditions: [{ type: 'Ready', status: 'True' }] },
});
const entry = { ifaceAuto: true, srcPort: 25, dstPort: 25, proto: 'tcp' };
const knat = (kind: string, name: string, spec: object) => ({
  ...{ apiVersion: 'knat.dev/v1', kind },
  ...{ metadata: named(name), spec },
});

const cases: Readonly<Record<string, ReviewRequest>> = {
  nothing: review(service(), service({}, { tier: 'front' })),
  endpointChange: review(slice(0), slice(1)),
  nodePort: review(
    service(),
    service({ type: 'NodePort', ports: [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 }] }),
  ),
  serviceGone: review(service(), null),
  podBinding: review(bound({}), bound({ 'bln.space/podnat': JSON.stringify({ entries: [entry] }) })),
  pool: review(null, knat('IPPool', 'lan', { cidr: '192.168.0.0/16' })),
  egressRule: review(null, knat('EgressRule', 'keep', { action: 'Keep', to: [{ cidr: '198.51.100.0/24' }] })),
};

const result: Record<string, unknown> = { services, nodes, memoryMiB };
for (const [name, request] of Object.entries(cases)) {
  let answer = reviewer.review(request);
  for (let warm = 0; warm < 5; warm++) answer = reviewer.review(request);
  const cpu: number[] = [];
  const cost = await costOfEach(count, () => {
    const before = process.cpuUsage();
    answer = reviewer.review(request);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000);
  });
  const cpuP99Ms = cpu.sort((a, b) => a - b)[Math.floor(count * 0.99)] ?? 0;
  result[name] = { warnings: answer.warnings.length, isDenied: answer.denial !== null, cpuP99Ms, ...cost };
}
process.stdout.write(
  values.output === 'json'
    ? `${JSON.stringify(result, null, 2)}\n`
    : `${Object.entries(result)
        .map(([name, value]) => `${name.padEnd(14)} ${JSON.stringify(value)}`)
        .join('\n')}\n`,
);

function named(name: string, namespace?: string, uid = 'uid') {
  return { name, uid, ...(namespace === undefined ? {} : { namespace }) };
}

function review(oldObject: { kind: string } | null, object: { kind: string } | null): ReviewRequest {
  const { apiVersion, kind, metadata } = (object ?? oldObject) as {
    apiVersion: string;
    kind: string;
    metadata: { name: string; namespace?: string };
  };
  const operation = oldObject === null ? 'CREATE' : object === null ? 'DELETE' : 'UPDATE';
  const { name, namespace = '' } = metadata;
  return { uid: 'uid', operation, apiVersion, kind, namespace, name, object, oldObject };
}

function settle(): void {
  while (state.settleOne()) {
    // until every plan is up to date
  }
}

function heapMiB(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
