import { recordAt, textAt } from '../../base/json.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import type { ApiIdentity } from './event.ts';
import { IDLE } from './parts.ts';
import type { RowRef } from './rows.ts';

/** API groups of objects without a namespace, in the sources' order of preference. */
const CLUSTER_SCOPED: Readonly<
  Record<string, { readonly plural: string; readonly apis: readonly string[] }>
> = {
  IPPool: { plural: 'ippools', apis: ['projectcalico.org/v3', 'crd.projectcalico.org/v1', 'knat.dev/v1'] },
  FelixConfiguration: {
    plural: 'felixconfigurations',
    apis: ['projectcalico.org/v3', 'crd.projectcalico.org/v1'],
  },
  EgressRule: { plural: 'egressrules', apis: ['knat.dev/v1'] },
};

/** For wholly rejected objects and those without a namespace. Null: no such object. Throws ApiError. */
export async function lookUp(
  client: ApiClient,
  { kind, namespace = '', name }: RowRef,
  signal: AbortSignal,
): Promise<ApiIdentity | null> {
  const object = encodeURIComponent(name);
  const clusterScoped = CLUSTER_SCOPED[kind];
  const places =
    clusterScoped !== undefined
      ? clusterScoped.apis.map((api) => ({
          apiVersion: api,
          path: `/apis/${api}/${clusterScoped.plural}/${object}`,
        }))
      : [
          {
            apiVersion: 'v1',
            path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/${kind.toLowerCase()}s/${object}`,
          },
        ];
  for (const { apiVersion, path } of places) {
    try {
      const found = await client.json({ path }, signal, IDLE);
      return { apiVersion, uid: textAt(recordAt(found, 'metadata'), 'uid') };
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  return null;
}
