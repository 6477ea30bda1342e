import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './cluster-client.ts';

/** The role that the chart gives an agent, so that a test fails when the chart lacks a right. */

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const documents = parseAllDocuments(readFileSync('deploy/knat.yaml', 'utf8'));
const objects = documents.map((document) => document.toJS() as Manifest & { readonly rules?: Rule[] });

export const agentRules: readonly Rule[] = objects.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];

/** The role with these rules; the user `knat` has it by `agentBinding`. */
export function agentRole(rules: readonly Rule[] = agentRules): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'knat' },
    rules,
  };
}

/** The rules without those about this resource. */
export function rulesWithout(resource: string): Rule[] {
  return agentRules.filter(({ resources }) => !resources.includes(resource));
}

export const agentBinding: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'knat' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'knat' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'knat' }],
};
