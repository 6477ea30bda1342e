/** Programs by the names of their chains and tables, of iptables and nf_tables. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/^FLANNEL-|^flannel/, 'flannel'],
  [/^CNI-(DN|HOSTPORT)|^cni_hostport$/, 'the CNI plugin portmap'],
  [/^CNI-|^cni_plugins/, 'the CNI plugin (ipMasq)'],
  [/^KUBE-|^kube-proxy$/, 'kube-proxy'],
  [/^DOCKER|^docker/, 'docker'],
  [/^NETAVARK|^netavark$|^nv_/, 'podman (netavark)'],
  [/^LIBVIRT|^LIBVIRT_|^libvirt/, 'libvirt'],
  [/^cali-|^calico$|^filter-cali-|^nat-cali-/, 'Calico'],
  [/^CILIUM_|^OLD_CILIUM_/, 'Cilium'],
  [/^KUBE-ROUTER|^KUBE-NWPLCY/, 'kube-router'],
  [/^WEAVE/, 'Weave'],
  [/^ANTREA/, 'Antrea'],
  [/^IP-MASQ/, 'ip-masq-agent'],
  [/^ufw6?-/, 'ufw'],
  [
    /^firewalld$|^(nat|filter|mangle)_(PRE|POST|IN|FWD|FWDI|FWDO)_|^(IN|FWD|FWDI|FWDO|PRE|POST)_[a-z]/,
    'firewalld',
  ],
  [/^ts-/, 'tailscale'],
  [/^PODNAT_/i, 'podnat-controller'],
  [/^f2b-/, 'fail2ban'],
  [/^wg-quick/, 'wg-quick'],
];

/** The program that names chains or tables like this; null: unknown. `table` as in RulePlace. */
export function programNamed(chain: string, table: string): string | null {
  const name = /^table \S+ (.+)$/.exec(table)?.[1] ?? table;
  const named = (text: string) => PROGRAMS.find(([pattern]) => pattern.test(text))?.[1];
  return named(chain) ?? named(name) ?? null;
}
