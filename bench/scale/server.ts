/** The process with the API server, in the network namespace of the node. It ends when its parent does. */
import { makeFolder, writeKubeconfig } from '../../test/cluster/kubeconfig.ts';
import { startSimulator } from '../../test/cluster/start-cluster.ts';
import { caseNamed } from './cases.ts';
import { addServices, rollServices } from './changes.ts';
import { ScaleCluster } from './cluster.ts';
import type { ChangesDone, ServerAnswer, ServerQuestion } from './messages.ts';

/** A real API server sends a bookmark about every minute. */
const BOOKMARK_MS = 60_000;

const [name = ''] = process.argv.slice(2);
const found = caseNamed(name);
if (found === null) throw new Error(`there is no case ${name}`);
const { changes, hidden = 0 } = found;

const server = await startSimulator(BOOKMARK_MS);
const { simulator } = server;
simulator.users.add(server.knatToken, 'knat', ['system:masters']);
// It looks at every object after each change, which is another controller's work.
simulator.garbage.isPaused = true;
const cluster = new ScaleCluster(simulator.store);
cluster.build(found);
const folder = makeFolder();
const kubeconfig = writeKubeconfig(folder, server, { token: server.knatToken });

process.on('disconnect', () => process.exit());
process.on('message', (question: ServerQuestion) => {
  if (question === 'truth') answer({ truth: cluster.truth(hidden) });
  else void change().then((done) => answer({ done }));
});
answer({ ready: { kubeconfig, folder, jsonMiB: cluster.jsonMiB } });

async function change(): Promise<ChangesDone> {
  if (changes === null) return { events: 0, changes: [], latestMs: 0 };
  return changes.kind === 'adding'
    ? await addServices(cluster, changes)
    : await rollServices(cluster, changes);
}

function answer(message: ServerAnswer): void {
  process.send?.(message);
}
