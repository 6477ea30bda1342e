import { type ChainOwner, targetOf } from './chain-owner.ts';

/**
 * The names by which kube-proxy's objects are recognised. Sources, in kubernetes/kubernetes: pkg/proxy/nftables (its
 * table), pkg/proxy/iptables (`proxier.go`, `cleanup.go`: its chains), pkg/proxy/ipvs (its interface).
 */

/** kube-proxy's table in nftables mode, in the families ip and ip6. No other program writes there. */
export const KUBE_PROXY_TABLE = 'kube-proxy';

/** The interface that has every ClusterIP in IPVS mode. */
export const IPVS_INTERFACE = 'kube-ipvs0';

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
const MARK_CHAIN = 'KUBE-MARK-MASQ';
const POSTROUTING_CHAIN = 'KUBE-POSTROUTING';

/** The kubelet's own chains (KUBE-FIREWALL, KUBE-KUBELET-CANARY, KUBE-IPTABLES-HINT, KUBE-MARK-DROP) are no sign. */
export function isKubeProxyChain(name: string): boolean {
  return OWN_CHAINS.has(name) || OWN_CHAIN.test(name);
}

/** They are no sign of kube-proxy: kubelets before 1.28 and network plugins make these chains too. */
function isMasqueradeChain(name: string): boolean {
  return name === MARK_CHAIN || name === POSTROUTING_CHAIN;
}

/**
 * The chains of iptables mode. Masquerading chains stay while a chain of another program uses them (the portmap
 * plugin's `externalSetMarkChain`), whose connections would lose their masquerade.
 */
export const KUBE_PROXY_CHAINS: ChainOwner = {
  isSign: isKubeProxyChain,
  chainsIn({ chains, rules }) {
    const isOwn = (chain: string) => isKubeProxyChain(chain) || isMasqueradeChain(chain);
    const bases = new Set(chains.filter(({ base }) => base !== null).map(({ name }) => name));
    const isBorrowed = rules.some(
      (rule) => !isOwn(rule.chain) && !bases.has(rule.chain) && targetOf(rule) === MARK_CHAIN,
    );
    return chains
      .map(({ name }) => name)
      .filter((name) => isKubeProxyChain(name) || (isMasqueradeChain(name) && !isBorrowed));
  },
};
