import { parseAddress } from '../../src/net/address.ts';
import { parsePort } from '../../src/net/port.ts';
import type { PodBinding } from '../../src/plan/entry.ts';
import { tupleKey } from '../../src/plan/entry-key.ts';
import type { NodeAccount, Programmed } from '../../src/status/kube/account.ts';

/** Accounts of an agent for tests of reports to the cluster. */

export const fixedProgrammed: Programmed = {
  counts: { services: 2, frontends: 3, bindings: 0, podSources: 0, pools: 1, conflicts: 0 },
  bindings: [],
  conflicts: [],
  notices: [],
};

export const fixedAccount: NodeAccount = {
  node: 'node-a',
  version: '0.1.0',
  capabilities: { kernel: '6.12.0' },
  enabled: { service: true, pod: true, egress: false },
  servicesLeft: false,
  source: 'kubernetes',
  synced: true,
  programmed: fixedProgrammed,
  failure: null,
  problems: [],
};

/** The binding of a port of 192.0.2.1 to the same port of 10.1.0.5. */
export function fixedBinding(number: number, pod = 'mail'): PodBinding {
  const [address, podAddress] = [parseAddress('192.0.2.1'), parseAddress('10.1.0.5')];
  const port = parsePort(number);
  if (address === null || podAddress === null || port === null) throw new RangeError(String(number));
  const tuple = { address, protocol: 'TCP', port } as const;
  return {
    kind: 'PodBinding',
    key: tupleKey(tuple),
    tuple,
    portCount: 1,
    order: 0,
    egress: true,
    owner: { kind: 'Pod', namespace: 'shop', name: pod },
    createdAt: 0,
    uid: pod,
    endpoint: { address: podAddress, port },
    sourceRanges: null,
  };
}
