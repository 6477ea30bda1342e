import fc from 'fast-check';
import type { Flow, Service } from '../../conformance/oracle/manifests.ts';
import { CLIENTS, DESTINATIONS, NODE_PORTS, NUMBERS, PROTOCOLS } from './world.ts';

/** Drawn as numbers; it becomes a packet when the cluster is known, so that a shrunk cluster keeps its packets. */
export const packet = fc.record({
  aimed: fc.constantFrom(true, true, true, true, true, true, false),
  target: fc.nat(10_000),
  source: fc.nat(10_000),
  port: fc.nat(10_000),
  protocol: fc.constantFrom(...PROTOCOLS),
});

export function flowOf(
  { aimed, target, source, port, protocol }: typeof packet extends fc.Arbitrary<infer T> ? T : never,
  services: readonly Service[],
): Flow {
  const tuples = services.flatMap(tuplesOf);
  const at = <T>(values: readonly T[], index: number): T | undefined =>
    values[index % Math.max(values.length, 1)];
  const hit = aimed ? at(tuples, target) : undefined;
  const destIP = hit?.destIP ?? at(DESTINATIONS, target) ?? '8.8.8.8';
  const clients = CLIENTS.filter((client) => client.includes(':') === destIP.includes(':'));
  return {
    sourceIP: at(clients, source) ?? '203.0.113.2',
    protocol: hit?.protocol ?? protocol,
    destIP,
    destPort: hit?.destPort ?? at([...NUMBERS, ...NODE_PORTS, 9999], port) ?? 80,
  };
}

/** Destinations at which a Service answers or seems to; most of them of its own families. */
function tuplesOf({ spec, status }: Service): Omit<Flow, 'sourceIP'>[] {
  const clusterIPs = spec.clusterIPs ?? [spec.clusterIP ?? ''];
  const external = [
    ...(spec.externalIPs ?? []),
    ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? ''),
  ];
  const isV6 = (text: string) => text.includes(':');
  const inFamily = [...clusterIPs, ...clusterIPs, ...external].filter(
    (text) => (text.includes('.') || isV6(text)) && clusterIPs.some((own) => isV6(own) === isV6(text)),
  );
  const nodes = clusterIPs.flatMap((own) =>
    isV6(own)
      ? ['2001:db8::1', '2001:db8::1', '::1']
      : ['192.168.0.2', '192.168.0.2', '192.168.1.2', '127.0.0.1'],
  );
  return (spec.ports ?? []).flatMap(({ port, nodePort, protocol = 'TCP' }) => [
    ...inFamily.map((destIP) => ({ destIP, destPort: port, protocol })),
    ...(nodePort === undefined ? [] : nodes.map((destIP) => ({ destIP, destPort: nodePort, protocol }))),
  ]);
}
