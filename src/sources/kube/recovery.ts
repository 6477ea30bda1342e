import type { ApiError } from '../../kube-api/api-error.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import { type Resource, resourceName } from './resources.ts';

/** What to do after a failure, in addition to waiting. */
export interface Recovery {
  /** The known version is unusable: the next attempt lists. */
  readonly relist: boolean;
  /** The server may have been restored to an older state: compare versions before continuing. */
  readonly compareVersions: boolean;
  /** The next attempt avoids this, since the server could not do it. */
  readonly avoid: 'streaming' | 'paging' | null;
  /** The cause: the server (nothing to correct for this resource), credentials, missing rights, or a missing kind. */
  readonly kind: 'server' | 'credentials' | 'rights' | 'missing';
  readonly code: SourceCode;
  /** The problem and its remedy. */
  readonly message: string;
  /** The same without the name of the resource. */
  readonly reason: string;
  /** The source is in sync without the resource. */
  readonly isSpared?: true;
}

export const NO_RECOVERY = { relist: false, compareVersions: false, avoid: null } as const;

export type Activity = 'discovery' | 'stream' | 'list' | 'watch';

const UNAUTHORIZED =
  'the API server does not accept the credentials: renew the token or certificate that the kubeconfig or the service account gives';

function texts(name: string, reason: string): Pick<Recovery, 'message' | 'reason'> {
  return { message: `${name}: ${reason}`, reason };
}

/** Chooses the recovery for each failure. Pure; the caller waits and reports. */
export function recoveryOf(error: ApiError, activity: Activity, resource: Resource): Recovery {
  const name = resourceName(resource);
  const base = {
    relist: false,
    compareVersions: activity === 'watch',
    avoid: activity === 'stream' ? ('streaming' as const) : null,
  };
  switch (error.status) {
    case 401:
      return {
        ...base,
        avoid: null,
        kind: 'credentials',
        code: 'KNAT_API_UNAUTHORIZED',
        ...texts(name, UNAUTHORIZED),
      };
    case 403:
      return {
        ...base,
        avoid: null,
        kind: 'rights',
        code: 'KNAT_API_FORBIDDEN',
        reason: error.message,
        message: `${name}: a ClusterRole must allow get, list and watch on resource "${resource.plural}" of API group "${resource.group}" (${error.message})${resource.spared === undefined ? '' : `; ${resource.spared}`}`,
        ...(resource.spared === undefined ? {} : { isSpared: true as const }),
      };
    case 410:
      return {
        relist: true,
        compareVersions: false,
        avoid: activity === 'list' ? 'paging' : null,
        kind: 'server',
        code: 'KNAT_API_UNAVAILABLE',
        ...texts(name, `${error.message}; it is listed again`),
      };
    case 429:
    case 503:
      return {
        ...base,
        avoid: null,
        kind: 'server',
        code: 'KNAT_API_UNAVAILABLE',
        ...texts(name, `the API server is busy or starting: ${error.message}`),
      };
    case 404:
      return {
        ...base,
        avoid: null,
        kind: 'missing',
        code: 'KNAT_API_MISSING',
        ...texts(
          name,
          `the API server does not serve ${resource.group === '' ? '' : `${resource.group}/`}${resource.version} ${resource.plural}`,
        ),
      };
    default:
      return {
        ...base,
        // A server that was away may have been restored from a backup, and its versions may have passed ours since. A
        // version that the server rejects will not become valid. What came with an unusable event may be wrong too.
        relist:
          error.failure === 'unreachable' ||
          error.failure === 'unusable' ||
          (error.status >= 400 && error.status < 500),
        kind: 'server',
        code: 'KNAT_API_UNAVAILABLE',
        ...texts(name, error.message),
      };
  }
}
