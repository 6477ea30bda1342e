import { describe, expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { parseNode } from './node.ts';
import { parsePod } from './pod.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

describe('parsePod', () => {
  test('a running pod', () => {
    const pod = {
      metadata: {
        name: 'mail',
        namespace: 'shop',
        uid: 'u',
        labels: { app: 'mail' },
        creationTimestamp: '1970-01-01T00:00:01Z',
        annotations: { 'bln.space/podnat': '{"entries":[{"srcPort":25,"dstPort":25}]}' },
      },
      spec: { nodeName: 'a', hostNetwork: false },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::1' }],
        conditions: [
          { type: 'Initialized', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      },
    };
    expect(parsePod(pod, context)).toMatchObject({
      ok: true,
      fact: {
        namespace: 'shop',
        name: 'mail',
        uid: 'u',
        createdAt: 1000,
        labels: { app: 'mail' },
        nodeName: 'a',
        hostNetwork: false,
        finished: false,
        terminating: false,
        ready: true,
        ips: ['10.0.0.1', 'fd00::1'],
        nat: { error: null, warnings: [], entries: [{ sourcePort: 25 }] },
      },
    });
  });

  test('the ports of the node that its containers have', () => {
    const ports = (...list: unknown[]) => ({ name: 'c', ports: list });
    const spec = {
      containers: [
        ports({ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }, { hostPort: 0 }),
        ports({ hostPort: 53, protocol: 'UDP', hostIP: '203.0.113.7' }, { hostPort: 53, hostIP: '0.0.0.0' }),
        ports({ hostPort: 99999 }, { hostPort: 1, protocol: 'X' }, { hostPort: 1, hostIP: 'x' }, null, 'x'),
        { ports: 'x' },
        null,
      ],
      initContainers: [
        ports({ hostPort: 1 }),
        { restartPolicy: 'Always', ports: [{ hostPort: 2, hostIP: '::' }] },
      ],
    };
    const both = ['IPv4', 'IPv6'];
    expect(parsePod({ metadata: { name: 'p' }, spec }, context)).toMatchObject({
      fact: {
        hostPorts: [
          { protocol: 'TCP', port: 8080, address: null, families: both },
          { protocol: 'UDP', port: 53, address: '203.0.113.7', families: ['IPv4'] },
          { protocol: 'TCP', port: 53, address: null, families: ['IPv4'] },
          { protocol: 'TCP', port: 2, address: null, families: ['IPv6'] },
        ],
      },
    });
    const onHost = parsePod({ metadata: { name: 'p' }, spec: { ...spec, hostNetwork: true } }, context);
    expect(onHost).toMatchObject({ fact: { hostPorts: [] } });
  });

  test('a pod without status', () => {
    expect(parsePod({ metadata: { name: 'p' } }, context)).toMatchObject({
      fact: {
        namespace: 'default',
        labels: {},
        nodeName: '',
        ready: false,
        finished: false,
        ips: [],
        nat: null,
      },
    });
  });

  test.each([
    [{ status: { phase: 'Failed' } }, { finished: true }],
    [{ status: { phase: 'Succeeded' } }, { finished: true }],
    [{ status: { conditions: [{ type: 'Ready', status: 'False' }] } }, { ready: false }],
    [{ metadata: { name: 'p', deletionTimestamp: '2026-01-01T00:00:00Z' } }, { terminating: true }],
    [{ spec: { hostNetwork: true } }, { hostNetwork: true }],
    [{ status: { podIP: '10.0.0.1' } }, { ips: ['10.0.0.1'] }],
    [{ status: { podIP: '', podIPs: [] } }, { ips: [] }],
  ])('%j', (fields, expected) => {
    expect(parsePod({ metadata: { name: 'p' }, ...fields }, context)).toMatchObject({
      ok: true,
      fact: expected,
    });
  });

  test('a bad annotation does not reject the pod', () => {
    const pod = { metadata: { name: 'p', annotations: { 'bln.space/podnat': '[]' } } };
    expect(parsePod(pod, context)).toMatchObject({
      ok: true,
      fact: { nat: { entries: [], error: 'error unmarshaling data into annotation json format: []' } },
    });
  });

  test('the annotation key is an option', () => {
    const pod = { metadata: { name: 'p', annotations: { 'example.com/nat': '{}' } } };
    const podNat = { ...defaultPodNatOptions, annotationKey: 'example.com/nat' };
    expect(parsePod(pod, { ...context, podNat })).toMatchObject({ fact: { nat: { error: null } } });
    expect(parsePod(pod, context)).toMatchObject({ fact: { nat: null } });
  });

  test('a bad address is refused', () => {
    const parsed = parsePod({ metadata: { name: 'p' }, status: { podIPs: [{ ip: 'x' }] } }, context);
    expect(parsed.ok ? [] : parsed.problems.map(formatFinding)).toEqual([
      'Pod default/p: status.podIPs[0].ip: "x" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)',
    ]);
  });
});

describe('parseNode', () => {
  test('addresses in order without names, pod ranges and labels', () => {
    const node = {
      metadata: { name: 'a', labels: { 'topology.kubernetes.io/zone': 'z' } },
      spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd00::/64'] },
      status: {
        addresses: [
          { type: 'ExternalIP', address: '192.0.2.1' },
          { type: 'Hostname', address: 'a' },
          { type: 'InternalIP', address: '10.0.0.1' },
        ],
      },
    };
    expect(parseNode(node, context)).toEqual({
      ok: true,
      warnings: [],
      fact: {
        name: 'a',
        uid: '',
        addresses: [
          { type: 'ExternalIP', address: '192.0.2.1' },
          { type: 'InternalIP', address: '10.0.0.1' },
        ],
        podCIDRs: [
          { family: 'IPv4', address: '10.1.0.0', length: 24 },
          { family: 'IPv6', address: 'fd00::', length: 64 },
        ],
        labels: { 'topology.kubernetes.io/zone': 'z' },
        terminating: false,
        excludedByAutoscaler: false,
      },
    });
  });

  test('all addresses by which a node is known, each once', () => {
    const node = {
      metadata: {
        name: 'a',
        annotations: {
          'projectcalico.org/IPv4Address': '10.0.0.1/24',
          'projectcalico.org/IPv6Address': 'FD00::5/64',
        },
      },
      status: {
        addresses: [
          { type: 'Hostname', address: '192.0.2.9' },
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'InternalIP', address: '10.0.1.1' },
          { type: 'InternalDNS', address: '10.0.2.1' },
        ],
      },
    };
    expect(parseNode(node, context)).toMatchObject({
      ok: true,
      warnings: [],
      fact: {
        addresses: [
          { type: 'Hostname', address: '192.0.2.9' },
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'InternalIP', address: '10.0.1.1' },
          { type: 'Calico', address: 'fd00::5' },
        ],
      },
    });
  });

  test('an annotation that is no address is left out, and said', () => {
    const annotations = { 'projectcalico.org/IPv4Address': 'none/24' };
    const parsed = parseNode({ metadata: { name: 'a', annotations } }, context);
    expect(parsed).toMatchObject({ ok: true, fact: { addresses: [] } });
    expect(parsed.ok ? parsed.warnings.map(formatFinding) : []).toEqual([
      'Node a: metadata.annotations.projectcalico.org/IPv4Address: "none/24" is no address and is left out: it is written ADDRESS/LENGTH (KNAT_ADDRESS_INVALID)',
    ]);
  });

  test('a node on its way out: deleted, or tainted by the autoscaler', () => {
    const deleted = { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(parseNode(deleted, context)).toMatchObject({
      fact: { terminating: true, excludedByAutoscaler: false },
    });
    const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule', value: '1767225600' }];
    expect(parseNode({ metadata: { name: 'a' }, spec: { taints } }, context)).toMatchObject({
      fact: { terminating: false, excludedByAutoscaler: true },
    });
  });

  test('podCIDR alone counts', () => {
    expect(parseNode({ metadata: { name: 'a' }, spec: { podCIDR: '10.1.0.0/24' } }, context)).toMatchObject({
      fact: { podCIDRs: [{ address: '10.1.0.0' }] },
    });
  });

  test.each([
    [
      { spec: { podCIDR: '10.1.0.1/24' } },
      'spec.podCIDR: "10.1.0.1/24" has host bits set: write 10.1.0.0/24 (KNAT_PREFIX_HOST_BITS)',
    ],
    [
      { spec: { podCIDRs: ['x'] } },
      'spec.podCIDRs[0]: "x" is no CIDR: write ADDRESS/LENGTH (KNAT_PREFIX_INVALID)',
    ],
    [
      { metadata: { name: 'a', labels: { 'a.b/c': 5 } } },
      'metadata.labels[a.b/c]: must be a text, not the number 5: put it into quotes (KNAT_FIELD_TYPE)',
    ],
    [
      { status: { addresses: [{ type: 'InternalIP', address: 'node-a' }] } },
      'status.addresses[0].address: "node-a" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)',
    ],
  ])('%j is refused', (fields, message) => {
    const parsed = parseNode({ metadata: { name: 'a' }, ...fields }, context);
    expect(parsed.ok ? [] : parsed.problems.map(formatFinding)).toEqual([`Node a: ${message}`]);
  });
});
