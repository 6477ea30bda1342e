/**
 * How to tell what is kube-proxy's by its name. Sources, in kubernetes/kubernetes: pkg/proxy/nftables (its table),
 * pkg/proxy/iptables (`proxier.go`, `cleanup.go`: its chains), pkg/proxy/ipvs (its interface).
 */

/** Its table in nftables mode, in the families ip and ip6. Nobody else writes there. */
export const KUBE_PROXY_TABLE = 'kube-proxy';

/** The interface that bears every ClusterIP in IPVS mode. */
export const IPVS_INTERFACE = 'kube-ipvs0';

/** The tables that iptables mode has chains in; mangle has the canary alone. */
export const IPTABLES_TABLES: readonly string[] = ['nat', 'filter', 'mangle'];

const OWN_CHAINS: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-FORWARD',
  'KUBE-PROXY-FIREWALL',
  'KUBE-PROXY-CANARY',
]);

/** One chain per Service port, policy, firewall or endpoint; the rest of the name is a hash. XLB is of before 1.24. */
const OWN_CHAIN = /^KUBE-(SVC|SVL|SEP|EXT|FW|XLB)-[A-Z2-7]+$/;

/** Sets the mark that POSTROUTING_CHAIN masquerades. */
export const MARK_CHAIN = 'KUBE-MARK-MASQ';
export const POSTROUTING_CHAIN = 'KUBE-POSTROUTING';

/**
 * True for a chain that only kube-proxy makes: a sign of it. The kubelet's own chains (KUBE-FIREWALL,
 * KUBE-KUBELET-CANARY, KUBE-IPTABLES-HINT, KUBE-MARK-DROP) are none.
 */
export function isKubeProxyChain(name: string): boolean {
  return OWN_CHAINS.has(name) || OWN_CHAIN.test(name);
}

/**
 * True for the chains by which kube-proxy masquerades. No sign of it, since kubelets before 1.28 made them too and
 * network plugins use them.
 */
export function isMasqueradeChain(name: string): boolean {
  return name === MARK_CHAIN || name === POSTROUTING_CHAIN;
}
