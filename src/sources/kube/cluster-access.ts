import { AccessError, type AccessOptions, type ApiAccess } from '../../kube-api/access.ts';
import { openAccess } from '../../kube-api/open-access.ts';
import { SourceError } from '../source-error.ts';

/** Throws SourceError when no cluster is configured. */
export async function clusterAccess(options: AccessOptions): Promise<ApiAccess> {
  try {
    return await openAccess(options);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw new SourceError('KNAT_KUBECONFIG', error.message, { cause: error });
  }
}
