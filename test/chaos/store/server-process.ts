/**
 * The process with the API server, in the network namespace of the node: the simulator, or with KUBEBUILDER_ASSETS a real one.
 * It ends with its parent.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentBinding, agentRole } from '../../cluster/agent-role.ts';
import { ClusterClient } from '../../cluster/cluster-client.ts';
import { Gate } from '../../cluster/gate.ts';
import { writeKubeconfig } from '../../cluster/kubeconfig.ts';
import { namespace, readDefinition } from '../../cluster/manifests.ts';
import type { Simulator } from '../../cluster/simulator/simulator.ts';
import { startCluster } from '../../cluster/start-cluster.ts';
import { beginFault, endFaults } from './server-faults.ts';
import type { ServerAccess, ServerRequest } from './server-messages.ts';

const [folder = ''] = process.argv.slice(2);
const cluster = await startCluster();
const client = new ClusterClient(cluster);
const gate = await Gate.open(cluster.url);
for (const manifest of [namespace('shop'), namespace('mail'), agentRole(), agentBinding])
  await client.put(manifest);
for (const name of ['ippools', 'egressrules', 'nodenats']) await client.serve(readDefinition(name));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, cluster.knatToken);
const { url, kind, authority, adminToken, knatToken } = cluster;
const kubeconfig = writeKubeconfig(folder, { url: gate.url, authority }, { tokenFile });
const access: ServerAccess = { kind, url, authority, adminToken, knatToken, kubeconfig, tokenFile };

async function carryOut(request: ServerRequest): Promise<unknown> {
  switch (request.command) {
    case 'access':
      return access;
    case 'bar':
      return gate.bar() ?? null;
    case 'unbar':
      return gate.unbar() ?? null;
    case 'cut':
      return gate.cut() ?? null;
    case 'compact':
      return (await cluster.compact()) ?? null;
    case 'fault':
      return beginFault(simulated(), request.fault) ?? null;
    case 'well':
      return endFaults(simulated()) ?? null;
    case 'token':
      return (await cluster.replaceToken(request.token)) ?? null;
    case 'restart':
      return (await cluster.restart(request.how)) ?? null;
    default:
      return request satisfies never;
  }
}

function simulated(): Simulator {
  if (cluster.simulator === null) throw new Error('a real server has no faults on demand');
  return cluster.simulator;
}

process.on('disconnect', () => {
  void cluster.stop().finally(() => process.exit());
});
process.on('message', async ({ id, ...request }: ServerRequest & { id: number }) => {
  try {
    process.send?.({ id, value: await carryOut(request as ServerRequest) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
