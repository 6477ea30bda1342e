import { ipPool } from '../../src/crds/ippool.ts';
import { nodeNat } from '../../src/crds/node-nat.ts';
import { crdYaml } from './crd-manifest.ts';
import { crdPage } from './crd-page.ts';
import { CHART } from './helm.ts';

export const customResources = [ipPool, nodeNat] as const;

/** Every generated file of the repository: its path, and what it must hold. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const resource of customResources) {
    files.set(`${CHART}/crds/${resource.plural}.yaml`, crdYaml(resource));
  }
  files.set('docs/crds.md', crdPage(customResources));
  return files;
}
