import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { AccessError, type AccessOptions, type ApiAccess } from './access.ts';
import { KubeconfigAccess } from './kubeconfig-access.ts';
import { ServiceAccountAccess, tokenPath } from './service-account.ts';

/**
 * The access that the options name; otherwise, as in kubectl, the files of `$KUBECONFIG`, `~/.kube/config`, the pod's
 * service account. Throws AccessError.
 */
export async function openAccess(options: AccessOptions): Promise<ApiAccess> {
  const { kubeconfig, context, environment } = options;
  const home = environment.HOME ?? '';
  const isNamed =
    kubeconfig !== undefined ||
    context !== undefined ||
    (environment.KUBECONFIG ?? '') !== '' ||
    (home !== '' && (await exists(join(home, '.kube', 'config'))));
  if (isNamed) return await KubeconfigAccess.open(options);
  if (await exists(tokenPath(options))) return new ServiceAccountAccess(options);
  throw new AccessError('no cluster is configured: there is no kubeconfig and no service account token');
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
