import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * The test files, as a glob, that the server in the folder cannot run: a server that is no whole kube-apiserver (by its
 * answer to `--version`) has definitions and nothing else. Prints why they are left out.
 *
 * @param assets `KUBEBUILDER_ASSETS`; empty for the simulator, which carries all
 */
export function beyondTheServer(assets: string): string[] {
  if (assets === '') return [];
  const { stdout } = spawnSync(join(assets, 'kube-apiserver'), ['--version'], {
    encoding: 'utf8',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  if (/^Kubernetes v\d/.test(stdout ?? '')) return [];
  console.info(
    `skipped with this API server: all of test/cluster but definitions and reflector: ${assets}/kube-apiserver --version names no Kubernetes, so it is taken for a server of definitions alone`,
  );
  return ['test/cluster/!(definitions|reflector).test.ts'];
}
