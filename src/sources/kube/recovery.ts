import type { ApiError } from '../../kube-api/api-error.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import { type Resource, resourceName } from './resources.ts';

/** What has to be done after a failure, beside waiting. */
export interface Recovery {
  /** The version that we know is of no use: the next attempt lists. */
  readonly relist: boolean;
  /** The server may have been restored to an older state: compare versions before going on. */
  readonly compareVersions: boolean;
  /** No paging and no streaming list at the next attempt, since this server could not do it. */
  readonly avoid: 'streaming' | 'paging' | null;
  /**
   * Whose trouble it is: the server's, which a person need not mend for this resource; of credentials or rights; or that
   * the kind is missing.
   */
  readonly kind: 'server' | 'credentials' | 'rights' | 'missing';
  readonly code: SourceCode;
  /** What is wrong and what to do. */
  readonly message: string;
  /** The same without the name of the resource. */
  readonly reason: string;
  /** The source is in sync without the resource. */
  readonly isSpared?: true;
}

/** Nothing to be done but wait. */
export const NO_RECOVERY = { relist: false, compareVersions: false, avoid: null } as const;

/** What was under way when it failed. */
export type Activity = 'discovery' | 'stream' | 'list' | 'watch';

const UNAUTHORIZED =
  'the API server does not accept the credentials: renew the token or certificate that the kubeconfig or the service account gives';

function texts(name: string, reason: string): Pick<Recovery, 'message' | 'reason'> {
  return { message: `${name}: ${reason}`, reason };
}

/** The way back from each failure. Pure; waiting and reporting is the caller's. */
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
        // A server that was away may have come back from a backup, and have overtaken our version since.
        // What the server does not understand about a version will not become clearer to it.
        relist: error.failure === 'unreachable' || (error.status >= 400 && error.status < 500),
        kind: 'server',
        code: 'KNAT_API_UNAVAILABLE',
        ...texts(name, error.message),
      };
  }
}
