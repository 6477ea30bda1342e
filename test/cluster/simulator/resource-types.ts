import { type ApiObject, isJsonObject, type JsonObject, objectAt, textAt } from './objects.ts';

/** `additionalPrinterColumns` of a definition. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** A kind of object that the server has. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly hasStatus: boolean;
  /** Defined by a CustomResourceDefinition. */
  readonly isCustom: boolean;
  /** Only answers; nothing is stored. */
  readonly isReview?: true;
  /** Writes raise `metadata.generation`. */
  readonly hasGeneration: boolean;
  /** What `kubectl get` prints beside the name; absent: the age. */
  readonly columns?: readonly PrinterColumn[];
  /** What a bookmark of the kind holds beside its metadata: the zero value of the type. */
  readonly zero: JsonObject;
}

export const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function builtIn(
  groupVersion: string,
  kind: string,
  plural: string,
  rest: Partial<ResourceType> = {},
): ResourceType {
  const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
  return {
    group: group ?? '',
    version: version ?? '',
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: true,
    hasStatus: false,
    isCustom: false,
    hasGeneration: false,
    zero: {},
    ...rest,
  };
}

const workload = { hasStatus: true, hasGeneration: true, categories: ['all'] } as const;
const nodeInfo = Object.fromEntries(
  [
    'machineID',
    'systemUUID',
    'bootID',
    'kernelVersion',
    'osImage',
    'containerRuntimeVersion',
    'kubeletVersion',
    'kubeProxyVersion',
    'operatingSystem',
    'architecture',
  ].map((key) => [key, '']),
);

export const BUILT_IN: readonly ResourceType[] = [
  builtIn('v1', 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  builtIn('v1', 'Endpoints', 'endpoints', { shortNames: ['ep'], singular: 'endpoints' }),
  builtIn('v1', 'Event', 'events', { shortNames: ['ev'] }),
  builtIn('v1', 'Namespace', 'namespaces', { namespaced: false, hasStatus: true, shortNames: ['ns'] }),
  builtIn('v1', 'Node', 'nodes', {
    namespaced: false,
    hasStatus: true,
    shortNames: ['no'],
    zero: { spec: {}, status: { daemonEndpoints: { kubeletEndpoint: { Port: 0 } }, nodeInfo } },
  }),
  builtIn('v1', 'Pod', 'pods', {
    hasStatus: true,
    hasGeneration: true,
    shortNames: ['po'],
    categories: ['all'],
    zero: { spec: { containers: null }, status: {} },
  }),
  builtIn('v1', 'Secret', 'secrets'),
  builtIn('v1', 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] }),
  builtIn('v1', 'Service', 'services', {
    hasStatus: true,
    shortNames: ['svc'],
    categories: ['all'],
    zero: { spec: {}, status: { loadBalancer: {} } },
  }),
  builtIn('apps/v1', 'DaemonSet', 'daemonsets', { ...workload, shortNames: ['ds'] }),
  builtIn('apps/v1', 'Deployment', 'deployments', { ...workload, shortNames: ['deploy'] }),
  builtIn('events.k8s.io/v1', 'Event', 'events', { shortNames: ['ev'] }),
  builtIn('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', { namespaced: false, isReview: true }),
  builtIn('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews', {
    namespaced: false,
    isReview: true,
  }),
  builtIn(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    { namespaced: false, hasGeneration: true, categories: ['api-extensions'] },
  ),
  builtIn('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    hasStatus: true,
    hasGeneration: true,
    shortNames: ['pdb'],
  }),
  builtIn('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', { namespaced: false }),
  builtIn('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', { namespaced: false }),
  builtIn('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  builtIn('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  builtIn('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    namespaced: false,
    hasStatus: true,
    hasGeneration: true,
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
  }),
  builtIn('coordination.k8s.io/v1', 'Lease', 'leases', { zero: { spec: {} } }),
  builtIn('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', {
    hasGeneration: true,
    zero: { addressType: '', endpoints: null, ports: null },
  }),
];

/** The types that a CustomResourceDefinition adds: one for each version that is served. */
export function customTypes(definition: ApiObject): ResourceType[] {
  const { spec } = definition;
  const names = objectAt(spec, 'names');
  const versions = isJsonObject(spec) && Array.isArray(spec.versions) ? spec.versions : [];
  const shortNames = Array.isArray(names.shortNames) ? (names.shortNames as string[]) : undefined;
  const categories = Array.isArray(names.categories) ? (names.categories as string[]) : undefined;
  return versions.filter(isJsonObject).flatMap((version) => {
    if (version.served !== true) return [];
    const columns = version.additionalPrinterColumns as readonly PrinterColumn[] | undefined;
    return [
      {
        group: textAt(spec, 'group'),
        version: textAt(version, 'name'),
        plural: textAt(names, 'plural'),
        singular: textAt(names, 'singular'),
        kind: textAt(names, 'kind'),
        namespaced: textAt(spec, 'scope') === 'Namespaced',
        ...(shortNames === undefined ? {} : { shortNames }),
        ...(categories === undefined ? {} : { categories }),
        hasStatus: 'status' in objectAt(version, 'subresources'),
        isCustom: true,
        hasGeneration: true,
        ...(columns === undefined ? {} : { columns }),
        zero: {},
      },
    ];
  });
}

/** `things.example.com`, `services`: how messages name the resource. */
export function qualifiedName({ plural, group }: ResourceType): string {
  return group === '' ? plural : `${plural}.${group}`;
}

export function groupVersion({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}
