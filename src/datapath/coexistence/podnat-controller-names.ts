import type { ChainOwner } from './chain-owner.ts';

/**
 * The names by which podnat-controller's chains are recognised. It writes IPv4 rules by the `iptables` program alone,
 * which are legacy or nf_tables rules as the host has it (docs/spec/pod-nat.md, "Flags";
 * gutmensch/podnat-controller, internal/firewall).
 */

/** The chains for a resource prefix: one in the table filter, two in the table nat. */
function podnatChains(prefix: string): readonly [forward: string, pre: string, post: string] {
  const upper = prefix.toUpperCase();
  return [`${upper}_FORWARD`, `${upper}_PRE`, `${upper}_POST`];
}

/** Its chains; elsewhere it only writes jumps to them. */
export function podnatOwner(prefix: string): ChainOwner {
  const names: ReadonlySet<string> = new Set(podnatChains(prefix));
  return {
    isSign: (chain) => names.has(chain),
    chainsIn: ({ chains }) => chains.map(({ name }) => name).filter((name) => names.has(name)),
  };
}
