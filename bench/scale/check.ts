import type { Host } from '../../src/lab/host.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip } from '../../test/generators/build.ts';
import { inNamespace } from '../nodes.ts';
import { connectInVain, socketAddress } from '../tcp.ts';
import { addressesIn, isEgressPod, isPod, isService } from './addresses.ts';
import { egressPodAddress } from './egress-objects.ts';
import type { Truth } from './messages.ts';

export interface Checked {
  /** Elements of all sets of the table for IPv4. */
  readonly elements: number;
  /** Packets whose translation was compared. */
  readonly translations: number;
}

/** An address of nobody, outside the cluster. */
const OUTSIDE = '198.51.100.10';
const OUTSIDE_PORT = 443;
const SERVICE_PORT = 80;
const ENDPOINT_PORT = 8080;

/**
 * Throws unless the kernel of the host has exactly these Services, endpoints and pods, and translates the first packet of a
 * connection to each checked Service, and from each checked pod, as it must. A benchmark of nothing would be fast.
 */
export function check(host: Host, truth: Truth): Checked {
  return inNamespace(host, () => {
    const elements = checkElements(truth);
    const translations = checkServices(truth) + checkEgress(truth);
    return { elements, translations };
  });
}

function checkElements({ services, endpoints, egress }: Truth): number {
  const kernel = new NftablesConnection();
  const found = { services: new Set<string>(), endpoints: new Set<string>(), pods: new Set<string>() };
  let count = 0;
  for (const { name = '' } of kernel.sets('ip', 'knat')) {
    if (name.startsWith('__')) continue; // anonymous sets of rules
    for (const { key, data, intervalEnd } of kernel.elements('ip', 'knat', name)) {
      count++;
      if (intervalEnd === true) continue;
      for (const bytes of [key, data ?? new Uint8Array()]) {
        for (const address of addressesIn(bytes, 0, bytes.length)) {
          const second = Number(address.split('.')[1]);
          if (isService(second)) found.services.add(address);
          else if (isPod(second)) found.endpoints.add(address);
          else if (isEgressPod(second)) found.pods.add(address);
        }
      }
    }
  }
  kernel.close();
  // Networks of pods and Services are elements too, of address 0 in them, which nobody has.
  for (const each of Object.values(found)) for (const address of NETWORKS) each.delete(address);
  expectEqual('Services', found.services.size, services);
  expectEqual('endpoints', found.endpoints.size, endpoints);
  // Ranges between pods, of unknown ones, begin with addresses of nobody: only those of pods count.
  const pods = Array.from({ length: egress.pods }, (_, i) => egressPodAddress(i));
  expectEqual('pods of the EgressRule', pods.filter((pod) => found.pods.has(pod)).length, egress.pods);
  return count;
}

const NETWORKS = ['10.128.0.0', '10.96.0.0', '10.32.0.0'];

function expectEqual(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`the kernel has ${found} ${what}, not ${wanted}`);
}

function checkServices({ checked }: Truth): number {
  for (const { address } of checked) connectInVain(socketAddress(ip(address), SERVICE_PORT));
  const replies = new Map<string, string>();
  for (const { original, reply } of connections()) {
    if (original.dport === SERVICE_PORT) replies.set(original.dst, `${reply.src}:${reply.sport}`);
  }
  for (const { address, endpoints } of checked) {
    const reply = replies.get(address) ?? 'nothing';
    if (!endpoints.some((endpoint) => reply === `${endpoint}:${ENDPOINT_PORT}`)) {
      throw new Error(`${address} was translated to ${reply}, not to one of ${endpoints.slice(0, 5)}`);
    }
  }
  return checked.length;
}

function checkEgress({ egress }: Truth): number {
  const pods = Array.from({ length: egress.checked }, (_, i) =>
    egressPodAddress(Math.floor((i * egress.pods) / egress.checked)),
  );
  const to = socketAddress(ip(OUTSIDE), OUTSIDE_PORT);
  for (const pod of pods) connectInVain(to, socketAddress(ip(pod), 0));
  const sources = new Map<string, string>();
  for (const { original, reply } of connections()) {
    if (original.dport === OUTSIDE_PORT) sources.set(original.src, reply.dst);
  }
  for (const pod of pods) {
    if (sources.get(pod) !== egress.address) {
      throw new Error(`${pod} left as ${sources.get(pod) ?? 'nothing'}, not as ${egress.address}`);
    }
  }
  return pods.length;
}

function connections() {
  const connection = new ConntrackConnection();
  try {
    return connection.entries({ family: 'IPv4' });
  } finally {
    connection.close();
  }
}
