/** What the administrator does about source NAT of another program. */
const REMEDIES: Readonly<Record<string, string>> = {
  'ip-masq-agent':
    'remove its DaemonSet, then the chain IP-MASQ-AGENT; docs/migrate-from-ip-masq-agent.md has the steps',
  Calico:
    'set natOutgoing in one of them only: knat agent --enable service,pod, or see docs/migrate-from-calico-natoutgoing.md',
  'the CNI plugin (ipMasq)':
    'set "ipMasq": false in the CNI configuration (/etc/cni/net.d) and restart the pods',
  docker: 'start dockerd with --ip-masq=false, or remove its networks from the pools',
  firewalld: 'firewall-cmd --remove-masquerade --permanent for the zone of the pods, then --reload',
  flannel: 'start flanneld without --ip-masq',
  'kube-proxy': 'docs/migrate-from-kube-proxy.md has the steps',
};

/** @param program as `programNamed` says; null: unknown */
export function sourceNatRemedy(program: string | null): string {
  if (program === null) return 'remove it, or exclude the sources in the pools';
  return REMEDIES[program] ?? 'switch it off there, or switch that kind of NAT off in knat: --enable';
}

/**
 * As `sourceNatRemedy`, for one destination. k3s has flannel inside and no switch for IPv4, but flannel leaves alone what carries
 * the mark 0x4000.
 *
 * @param destination a prefix or an address
 */
export function sourceNatRemedyFor(program: string | null, destination: string): string {
  const remedy = sourceNatRemedy(program);
  if (program !== 'flannel') return remedy;
  const family = destination.includes(':') ? 'ip6' : 'ip';
  const rules = `nft 'add table ${family} exempt; add chain ${family} exempt lan { type filter hook postrouting priority 99; }; add rule ${family} exempt lan ${family} daddr ${destination} meta mark set meta mark | 0x4000'`;
  return `${remedy}; k3s has no such switch, but flannel leaves alone what has the mark 0x4000: ${rules}`;
}
