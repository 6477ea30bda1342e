import type { ApiObject } from '../../test/cluster/simulator/objects.ts';

/** The address with which the pods leave: that of the node. */
export const EGRESS_ADDRESS = '203.0.113.1';

/** Pods of the node that an EgressRule selects, beside the pods of Services, which are on other nodes. */
export function egressPodAddress(number: number): string {
  const at = number + 1;
  return `10.32.${at >> 8}.${at & 255}`;
}

export function egressPool(): ApiObject {
  return {
    apiVersion: 'knat.dev/v1',
    kind: 'IPPool',
    metadata: { name: 'pods' },
    spec: { cidr: '10.32.0.0/16', natOutgoing: true },
  };
}

/** With selectors, which pods leave with the address can only be said pod by pod. */
export function egressRule(): ApiObject {
  return {
    apiVersion: 'knat.dev/v1',
    kind: 'EgressRule',
    metadata: { name: 'shop' },
    spec: {
      from: { pools: ['pods'], podSelector: { matchLabels: { app: 'web' } } },
      action: 'Snat',
      addresses: [EGRESS_ADDRESS],
      fallback: 'drop',
    },
  };
}

export function egressPod(number: number): ApiObject {
  const address = egressPodAddress(number);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `web-${number}`,
      namespace: 'shop',
      uid: `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web', 'pod-template-hash': '5d9c6b7f8d' },
    },
    spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'web:1' }] },
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}
