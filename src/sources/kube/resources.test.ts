import { expect, test } from 'vitest';
import { groupPath, resourceName, type WantedKinds, wantedResources } from './resources.ts';

const none: WantedKinds = { service: false, pod: false, egress: false };

function names(wanted: Partial<WantedKinds>): string[] {
  return wantedResources('node-a', { ...none, ...wanted }).map((resource) => {
    const selectors = [resource.labelSelector, resource.fieldSelector].filter((each) => each !== undefined);
    return [resourceName(resource), ...selectors].join(' ');
  });
}

const OURS = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';
const ranges = 'servicecidrs.networking.k8s.io';
const POOLS = ['ippools.projectcalico.org', 'ippools.crd.projectcalico.org', 'ippools.knat.dev'];
const FELIX = ['projectcalico.org', 'crd.projectcalico.org'].map(
  (group) => `felixconfigurations.${group} metadata.name=default`,
);

test('each kind of NAT asks for what it needs', () => {
  const services = ['services', `endpointslices.discovery.k8s.io ${OURS}`];
  const pods = ['pods spec.nodeName=node-a', ...POOLS];
  expect(names({ service: true })).toEqual(['nodes metadata.name=node-a', ...services, ranges, ...pods]);
  expect(names({ pod: true })).toEqual(['nodes', ranges, ...pods]);
  expect(names({ egress: true })).toEqual(['nodes', ...pods, 'namespaces', 'egressrules.knat.dev', ...FELIX]);
});

test('Service NAT alone can be done without Pods and pools, and Pod NAT alone without pools and Nodes', () => {
  const spared = (wanted: Partial<WantedKinds>) =>
    wantedResources('node-a', { ...none, ...wanted }).flatMap((each) =>
      each.spared === undefined ? [] : [resourceName(each)],
    );
  expect(spared({ service: true })).toEqual([ranges, 'pods', ...POOLS]);
  expect(spared({ pod: true })).toEqual(['nodes', ranges, ...POOLS]);
  expect(spared({ service: true, egress: true })).toEqual([ranges]);
  expect(spared({ egress: true })).toEqual([]);
});

test('paths of groups', () => {
  const paths = wantedResources('n', { service: true, pod: true, egress: true }).map(groupPath);
  expect(new Set(paths)).toEqual(
    new Set([
      '/api/v1',
      '/apis/discovery.k8s.io/v1',
      '/apis/networking.k8s.io/v1',
      '/apis/projectcalico.org/v3',
      '/apis/crd.projectcalico.org/v1',
      '/apis/knat.dev/v1',
    ]),
  );
});

test('Namespaces are read for Pod NAT where their labels decide', () => {
  const kinds = (namespaceLabels: boolean, pod = true) =>
    wantedResources('node-a', { service: true, pod, egress: false, namespaceLabels }).map(({ kind }) => kind);
  expect(kinds(true)).toContain('Namespace');
  expect(kinds(false)).not.toContain('Namespace');
  expect(kinds(true, false)).not.toContain('Namespace');
});
