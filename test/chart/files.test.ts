import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from '../../scripts/generate/files.ts';
import { CHART } from '../../scripts/generate/helm.ts';
import { kubernetesErrors } from './kubernetes-models.ts';
import { parseManifests } from './rendered.ts';

test('generated files are current (else: npm run generate)', async () => {
  const files = await generatedFiles();
  const stale = [...files].filter(
    ([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content,
  );
  expect(stale.map(([path]) => path)).toEqual([]);
  expect([...files.keys()].sort()).toEqual([
    'charts/knat/crds/egressrules.yaml',
    'charts/knat/crds/ippools.yaml',
    'charts/knat/crds/nodenats.yaml',
    'deploy/knat-cleanup.yaml',
    'deploy/knat.yaml',
    'docs/crds.md',
  ]);
});

test.each(['deploy/knat.yaml', 'deploy/knat-cleanup.yaml'])(
  '%s holds objects that Kubernetes knows',
  (path) => {
    const text = readFileSync(path, 'utf8');
    const manifests = parseManifests(text);
    expect(manifests.map(({ kind }) => kind)).toContain('DaemonSet');
    expect(manifests.flatMap(kubernetesErrors)).toEqual([]);
    expect(text).not.toMatch(/helm/i);
  },
);

test('the validation of objects finds faults', () => {
  const [daemonSet] = parseManifests(readFileSync('deploy/knat-cleanup.yaml', 'utf8'));
  const text = JSON.stringify(daemonSet);
  const broken = (from: string, to: string) => kubernetesErrors(JSON.parse(text.replace(from, to)));
  expect(broken('"hostNetwork":true', '"hostNetwork":"true"')).toEqual([
    '.spec.template.spec.hostNetwork: must be boolean, not "true"',
  ]);
  expect(broken('"hostNetwork"', '"hostNetworks"')).toEqual([
    '.spec.template.spec.hostNetworks: unknown field of V1PodSpec',
  ]);
  expect(broken('"name":"cleanup"', '"names":"cleanup"')).toContain(
    '.spec.template.spec.initContainers[0].name: required by V1Container',
  );
});

test('chart and program are of one version', () => {
  const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as Record<string, string>;
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(chart).toMatchObject({ version, appVersion: version });
});

test('values.yaml and values.schema.json have the same keys', () => {
  interface Schema {
    readonly additionalProperties?: unknown;
    readonly properties?: Readonly<Record<string, Schema>>;
  }
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema;
  const values: unknown = parse(readFileSync(`${CHART}/values.yaml`, 'utf8'));
  const schemaKeys = (node: Schema, path: string): string[] =>
    node.properties === undefined
      ? [path]
      : Object.entries(node.properties).flatMap(([key, child]) => schemaKeys(child, `${path}.${key}`));
  const has = (path: string) => {
    let value = values;
    for (const key of path.split('.').slice(1)) value = (value as Record<string, unknown> | undefined)?.[key];
    return value !== undefined;
  };
  // `global` comes from a parent chart; claims of resources have no default; ip-masq-agent defines the keys of its own file.
  const unset = schemaKeys(schema, '').filter(
    (path) => !has(path) && !path.startsWith('.egress.ipMasqAgent.config.'),
  );
  expect(unset).toEqual(['.global', '.resources.claims']);
});
