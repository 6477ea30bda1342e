import { makeCertificates } from './certificates.ts';
import type { Cluster } from './cluster.ts';
import { startRealCluster } from './real/real-cluster.ts';
import { Simulator } from './simulator/simulator.ts';

/** The convention of envtest: a folder with etcd and kube-apiserver. */
const ASSETS = process.env.KUBEBUILDER_ASSETS ?? '';

/** For tests that only make sense against one of the two. */
export const isReal = ASSETS !== '';

/**
 * For `skipIf` of tests that only the simulator can run: true with a real server, and prints the reason.
 */
export function unlessSimulated(tests: string, reason: string): boolean {
  if (isReal) console.info(`skipped with a real API server: ${tests}: ${reason}`);
  return isReal;
}

/** The same the other way round: true with the simulator. */
export function unlessReal(tests: string, reason: string): boolean {
  if (!isReal) console.info(`skipped with the simulator: ${tests}: ${reason}`);
  return !isReal;
}

/** A real API server when KUBEBUILDER_ASSETS names a folder with one, else the simulator. */
export async function startCluster(): Promise<Cluster> {
  return isReal ? await startRealCluster(ASSETS) : await startSimulator();
}

/** @param bookmarkMs milliseconds between the bookmarks of a watch; short by default, for tests */
export async function startSimulator(
  bookmarkMs?: number,
): Promise<Cluster & { readonly simulator: Simulator }> {
  const certificates = makeCertificates();
  const simulator = new Simulator(certificates, bookmarkMs);
  simulator.users.add('admin-token', 'admin', ['system:masters']);
  simulator.users.add('knat-token', 'knat');
  await simulator.start();
  let token = 'knat-token';
  return {
    kind: 'simulator',
    url: simulator.url,
    authority: certificates.authority,
    adminToken: 'admin-token',
    knatToken: 'knat-token',
    clientCertificate: certificates.clientCertificate,
    clientKey: certificates.clientKey,
    simulator,
    restart: () => simulator.restart(),
    compact: async () => {
      simulator.store.compact();
      simulator.expireLists();
    },
    replaceToken: async (next) => {
      simulator.users.revoke(token);
      simulator.users.add(next, 'knat');
      token = next;
    },
    stop: () => simulator.stop(),
  };
}
