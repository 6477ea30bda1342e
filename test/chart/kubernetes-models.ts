import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as kubernetes from '@kubernetes/client-node';

/**
 * The OpenAPI schema of Kubernetes as the client library carries it: a class for every definition, with the type of each
 * field, and beside it a declaration file that says which fields are required.
 */
interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  readonly attributeTypeMap: readonly Attribute[];
}

const models = kubernetes as unknown as Readonly<Record<string, Partial<Model>>>;
const folder = join(dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node')), 'gen/models');

/** The definition of a kind: `V1DaemonSet` for apps/v1. */
const definitions: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io/v1 CustomResourceDefinition': 'V1CustomResourceDefinition',
  'admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration': 'V1ValidatingWebhookConfiguration',
  'apps/v1 DaemonSet': 'V1DaemonSet',
  'apps/v1 Deployment': 'V1Deployment',
  'policy/v1 PodDisruptionBudget': 'V1PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1 ClusterRole': 'V1ClusterRole',
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': 'V1ClusterRoleBinding',
  'rbac.authorization.k8s.io/v1 Role': 'V1Role',
  'rbac.authorization.k8s.io/v1 RoleBinding': 'V1RoleBinding',
  'v1 ConfigMap': 'V1ConfigMap',
  'v1 Namespace': 'V1Namespace',
  'v1 Secret': 'V1Secret',
  'v1 Service': 'V1Service',
  'v1 ServiceAccount': 'V1ServiceAccount',
};

/** What is wrong with an object of Kubernetes itself, one line each: unknown fields, wrong types, missing fields. */
export function kubernetesErrors(object: unknown): string[] {
  const { apiVersion, kind } = object as { apiVersion?: string; kind?: string };
  const definition = definitions[`${apiVersion} ${kind}`];
  if (definition === undefined) return [`${apiVersion} ${kind}: no definition is known`];
  return [...errorsOf(object, definition, '')];
}

function* errorsOf(value: unknown, type: string, path: string): Generator<string> {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (list !== undefined) {
    if (!Array.isArray(value)) yield `${path}: must be a list`;
    else for (const [index, item] of value.entries()) yield* errorsOf(item, list, `${path}[${index}]`);
  } else if (map !== undefined) {
    if (!isObject(value)) yield `${path}: must be a map`;
    else for (const [key, item] of Object.entries(value)) yield* errorsOf(item, map, `${path}[${key}]`);
  } else if (models[type]?.attributeTypeMap !== undefined) {
    yield* errorsOfModel(value, type, path);
  } else if (!isScalar(value, type)) yield `${path}: must be ${type}, not ${JSON.stringify(value)}`;
}

function* errorsOfModel(value: unknown, type: string, path: string): Generator<string> {
  if (!isObject(value)) {
    yield `${path}: must be an object`;
    return;
  }
  const attributes = models[type]?.attributeTypeMap ?? [];
  for (const [key, item] of Object.entries(value)) {
    const attribute = attributes.find(({ baseName }) => baseName === key);
    if (attribute === undefined) yield `${path}.${key}: unknown field of ${type}`;
    else yield* errorsOf(item, attribute.type, `${path}.${key}`);
  }
  const required = requiredNames(type);
  for (const { name, baseName } of attributes) {
    if (required.has(name) && !(baseName in value)) yield `${path}.${baseName}: required by ${type}`;
  }
}

function requiredNames(type: string): ReadonlySet<string> {
  const text = readFileSync(join(folder, `${type}.d.ts`), 'utf8');
  return new Set([...text.matchAll(/^ {4}'([^']+)': /gm)].map(([, name]) => name ?? ''));
}

function isScalar(value: unknown, type: string): boolean {
  switch (type) {
    case 'any':
      return true;
    case 'IntOrString':
      return typeof value === 'string' || Number.isInteger(value);
    case 'Date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value));
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type;
    default:
      throw new Error(`the client library has no definition of ${type}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
