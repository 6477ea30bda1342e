import { execFileSync } from 'node:child_process';
import { serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { costBetween, costOfChildren, type ProcessCost } from './cost.ts';

/** Milliseconds of `nft -f` for the same kind of content as chains, and for one changed endpoint. */
export interface ChainsResult {
  readonly services: number;
  readonly coldMs: number;
  /** Of the nft program. */
  readonly cold: ProcessCost;
  readonly endpointChange: { readonly p50Ms: number; readonly each: ProcessCost };
}

const CHANGES = 5;

/**
 * The content as kube-proxy lays it out in its nftables mode: a chain per Service with a random choice, a chain per
 * endpoint with its `dnat`; an endpoint change rewrites the chains that it concerns by one more run of `nft -f`.
 */
export async function measureChains(
  services: number,
  endpoints: number,
  signal: AbortSignal,
): Promise<ChainsResult> {
  const lines = ['add table ip chains'];
  lines.push('add map ip chains services { type ipv4_addr . inet_proto . inet_service : verdict; }');
  for (let i = 0; i < services; i++) {
    const slice = sliceFact(i, endpoints);
    for (const [slot, endpoint] of slice.endpoints.entries()) {
      lines.push(`add chain ip chains endpoint-${i}-${slot}`);
      lines.push(
        `add rule ip chains endpoint-${i}-${slot} meta l4proto tcp dnat to ${endpoint.address}:8080`,
      );
    }
    const picks = slice.endpoints.map((_, slot) => `${slot} : goto endpoint-${i}-${slot}`).join(', ');
    lines.push(`add chain ip chains service-${i}`);
    lines.push(`add rule ip chains service-${i} numgen random mod ${endpoints} vmap { ${picks} }`);
    lines.push(
      `add element ip chains services { ${serviceFact(i).clusterIPs[0]} . tcp . 80 : goto service-${i} }`,
    );
  }
  lines.push('add chain ip chains prerouting { type nat hook prerouting priority dstnat; }');
  lines.push('add rule ip chains prerouting ip daddr . meta l4proto . th dport vmap @services');
  const before = costOfChildren();
  const coldMs = timeNft(lines.join('\n'));
  const after = costOfChildren();
  const changes: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    signal.throwIfAborted();
    const chain = `endpoint-${i}-0`;
    const rule = `meta l4proto tcp dnat to 10.255.0.${i + 1}:8080`;
    changes.push(timeNft(`flush chain ip chains ${chain}\nadd rule ip chains ${chain} ${rule}\n`));
  }
  const each = costBetween(after, costOfChildren(), CHANGES);
  changes.sort((a, b) => a - b);
  timeNft('delete table ip chains');
  return {
    services,
    coldMs,
    cold: costBetween(before, after),
    endpointChange: { p50Ms: changes[Math.floor(CHANGES / 2)] ?? 0, each },
  };
}

function timeNft(input: string): number {
  const start = performance.now();
  execFileSync('nft', ['-f', '-'], { input });
  return Math.round((performance.now() - start) * 1000) / 1000;
}
