/**
 * The agent of a node on which no program translates ClusterIPs yet. The API server's address in a pod or a kubeconfig may
 * be the ClusterIP of the Service `kubernetes`, which works only once this agent has programmed it.
 */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import type { AccessOptions } from '../../src/kube-api/access.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { kubeSource } from '../../src/sources/kube/kube-source.ts';
import { writeKubeconfig, writeServiceAccount } from '../cluster/kubeconfig.ts';
import { node, service, slice } from '../cluster/manifests.ts';
import { QUICK, Stage } from '../cluster/stage.ts';
import { startSimulator } from '../cluster/start-cluster.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';
import { untilStatus } from './until-status.ts';

const CLUSTER_IP = '10.96.0.1';

let stage: Stage;
let stop: AbortController;
let running: Promise<unknown>;

beforeAll(async () => {
  enterFreshNamespace();
  stage = new Stage(await startSimulator());
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.10'));
  await stage.client.create(service('web'));
  await stage.client.create(slice('web-1', 'web', ['10.244.1.7']));
});

afterEach(async () => {
  stop.abort();
  await running;
  nft('flush ruleset');
});

afterAll(() => stage.close());

function start(access: AccessOptions): void {
  stop = new AbortController();
  const { enable } = defaultPlanOptions;
  const source = kubeSource({ nodeName: 'node-a', enable, access, timings: QUICK });
  running = runAgent(
    {
      settings: { nodeName: 'node-a', nodeConfig: {}, plan: defaultPlanOptions, source, cluster: access },
      logger: pino({ level: 'silent' }),
      version: 'test',
      once: false,
    },
    stop.signal,
  );
}

/** Each way to name the server: by the environment, and by what overrides it. */
const ways: [string, () => { readonly given: AccessOptions; readonly overridden: AccessOptions }][] = [
  [
    'a kubeconfig, and --master',
    () => {
      const user = { token: stage.cluster.knatToken };
      const cluster = { ...stage.cluster, url: `https://${CLUSTER_IP}:443` };
      const kubeconfig = writeKubeconfig(stage.folder, cluster, user);
      const given = { environment: {}, kubeconfig };
      return { given, overridden: { ...given, server: stage.cluster.url } };
    },
  ],
  [
    'a pod, and KUBERNETES_SERVICE_HOST as the chart sets it',
    () => {
      writeServiceAccount(stage.folder, stage.cluster);
      const { hostname, port } = new URL(stage.cluster.url);
      const at = (host: string, port: string) => ({
        environment: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port },
        root: stage.folder,
      });
      return { given: at(CLUSTER_IP, '443'), overridden: at(hostname, port) };
    },
  ],
];

test.each(ways)('%s: with the ClusterIP the agent cannot begin, and reports it', async (_, access) => {
  start(access().given);
  const { problems, synced } = await untilStatus((status) => status.problems.length > 0);
  expect(problems[0]?.code).toBe('KNAT_API_UNAVAILABLE');
  expect(problems.some(({ message }) => message.includes(CLUSTER_IP))).toBe(true);
  expect(synced).toBe(false);
  expect(listRuleset()).not.toContain('table ip knat');
});

test.each(ways)('%s: with a real address it begins, without any NAT', async (_, access) => {
  start(access().overridden);
  await untilStatus((status) => status.programmed !== null);
  expect(listRuleset()).toContain('10.244.1.7 . 8080');
});
