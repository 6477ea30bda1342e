/**
 * A small version of what kube-proxy leaves in the kernel: the chains, jumps and comments of its iptables mode and the
 * tables of its nftables mode, with one Service that has one endpoint; and rules of other programs in the same tables.
 */

/** Each TCP frontend (`10.96.0.10:80`) leads to its endpoint (`10.244.1.1:8080`). */
type Services = Readonly<Record<string, string>>;

const ONE: Services = { '10.96.0.10:80': '10.244.1.1:8080' };

/** For `iptables-restore --noflush`. */
export function iptablesMode(services: Services = ONE): string {
  const names = Object.entries(services).map(([frontend, endpoint], index) => ({
    hash: `PI7QABCDEFGH234${'ABCD'[index]}`,
    address: frontend.split(':')[0],
    port: frontend.split(':')[1],
    endpoint,
  }));
  const comment = '-m comment --comment "shop/web:http';
  return `*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
*mangle
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SERVICES - [0:0]
${names.flatMap(({ hash }) => ['EXT', 'SEP', 'SVC'].map((kind) => `:KUBE-${kind}-${hash} - [0:0]`)).join('\n')}
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SERVICES ${comment} not last -j KUBE-NODEPORTS" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
${names
  .map(
    ({ hash, address, port, endpoint }) => `-A KUBE-EXT-${hash} -j KUBE-SVC-${hash}
-A KUBE-SERVICES -d ${address}/32 -p tcp ${comment} cluster IP" -m tcp --dport ${port} -j KUBE-SVC-${hash}
-A KUBE-SVC-${hash} ${comment} -> ${endpoint}" -j KUBE-SEP-${hash}
-A KUBE-SEP-${hash} -p tcp ${comment}" -m tcp -j DNAT --to-destination ${endpoint}`,
  )
  .join('\n')}
COMMIT
`;
}

/** The same in nftables mode, as a script for nft. */
export function nftablesMode(services: Services = ONE): string {
  const elements = Object.keys(services).map(
    (frontend, index) => `${frontend.replace(':', ' . tcp . ')} : goto service-${index}`,
  );
  const chains = Object.values(services).map(
    (endpoint, index) => `chain service-${index} { meta l4proto tcp dnat to ${endpoint}; }`,
  );
  return `table ip kube-proxy {
  comment "rules for kube-proxy"
  map service-ips {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { ${elements.join(', ')} }
  }
  ${chains.join('\n  ')}
  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
  chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; }
  chain nat-output { type nat hook output priority -100; policy accept; jump services; }
}
table ip6 kube-proxy {
  comment "rules for kube-proxy"
}
`;
}

/** Rules of the kubelet and of other programs in the same tables. */
export const RULES_OF_OTHERS = `*filter
:KUBE-FIREWALL - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-ROUTER-FORWARD - [0:0]
:cali-FORWARD - [0:0]
-A INPUT -j KUBE-FIREWALL
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "not -j KUBE-SERVICES" -j ACCEPT
-A FORWARD -j cali-FORWARD
-A FORWARD -j KUBE-ROUTER-FORWARD
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A cali-FORWARD -m comment --comment "cali:abc" -j ACCEPT
COMMIT
*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*nat
:CNI-HOSTPORT-DNAT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.244.1.9:443
COMMIT
`;
