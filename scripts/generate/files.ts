import { egressRule } from '../../src/crds/egress-rule.ts';
import { ipPool } from '../../src/crds/ippool.ts';
import { nodeNat } from '../../src/crds/node-nat.ts';
import { crdYaml } from './crd-manifest.ts';
import { crdPage } from './crd-page.ts';
import { CHART } from './helm.ts';
import { cleanupManifests, plainManifests } from './manifests.ts';

export const customResources = [ipPool, egressRule, nodeNat] as const;

/** Every generated file of the repository: its path and content. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const resource of customResources) {
    files.set(`${CHART}/crds/${resource.plural}.yaml`, crdYaml(resource));
  }
  files.set('docs/crds.md', crdPage(customResources));
  files.set('deploy/knat.yaml', await plainManifests());
  files.set('deploy/knat-cleanup.yaml', await cleanupManifests());
  return files;
}
