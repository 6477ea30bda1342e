import type { BenchCluster } from './cluster.ts';

/**
 * The rules that kube-proxy 1.36 makes in its nftables mode for the same Services, as one nft script (structure after
 * pkg/proxy/nftables/proxier.go of Kubernetes), and the masquerading of a CNI for packets that leave the pod network.
 */
export function kubeProxyLayout(cluster: BenchCluster): string {
  const { ip, address } =
    cluster.family === 'IPv4' ? { ip: 'ip', address: 'ipv4_addr' } : { ip: 'ip6', address: 'ipv6_addr' };
  const table = `${ip} kube-proxy`;
  const frontend = `${address} . inet_proto . inet_service : verdict`;
  const lines = [
    `table ${table} {`,
    `  set cluster-ips { type ${address}; }`,
    `  set nodeport-ips { type ${address}; elements = { ${cluster.nodeAddress} } }`,
    `  map no-endpoint-services { type ${frontend}; }`,
    '  map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }',
    `  map firewall-ips { type ${frontend}; }`,
    `  map service-ips { type ${frontend}; }`,
    '  map service-nodeports { type inet_proto . inet_service : verdict; }',
    '  chain mark-for-masquerade { meta mark set meta mark or 0x4000; }',
    '  chain masquerading { meta mark and 0x4000 == 0 return; meta mark set meta mark xor 0x4000; masquerade fully-random; }',
    `  chain services { ${ip} daddr . meta l4proto . th dport vmap @service-ips; ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports; }`,
    `  chain firewall-check { ${ip} daddr . meta l4proto . th dport vmap @firewall-ips; }`,
    `  chain service-endpoints-check { ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }`,
    `  chain nodeport-endpoints-check { ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }`,
    `  chain cluster-ips-check { ${ip} daddr @cluster-ips reject; ${ip} daddr { ${cluster.serviceCIDR} } drop; }`,
    '  chain filter-prerouting-pre-dnat { type filter hook prerouting priority -110; ct state new jump firewall-check; }',
    '  chain filter-output-pre-dnat { type filter hook output priority -110; ct state new jump firewall-check; }',
    '  chain filter-input { type filter hook input priority 0; ct state new jump nodeport-endpoints-check; ct state new jump service-endpoints-check; }',
    '  chain filter-forward { type filter hook forward priority 0; ct state new jump service-endpoints-check; ct state new jump cluster-ips-check; }',
    '  chain filter-output { type filter hook output priority 0; ct state new jump service-endpoints-check; ct state new jump cluster-ips-check; }',
    '  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }',
    '  chain nat-output { type nat hook output priority -100; jump services; }',
    '  chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }',
    '}',
    `table ${ip} cni {`,
    `  chain postrouting { type nat hook postrouting priority srcnat; ${ip} saddr ${cluster.podCIDR} ${ip} daddr != ${cluster.podCIDR} masquerade fully-random; }`,
    '}',
  ];
  const add = (what: string) => lines.push(`add ${what}`);
  const clusterIPs: string[] = [];
  const serviceIPs: string[] = [];
  const nodePorts: string[] = [];
  for (const service of cluster.services) {
    const { name, clusterIP, protocol, nodePort, affinity } = service;
    const endpoints = service.endpoints.map((endpoint, slot) => ({
      ...endpoint,
      chain: `endpoint-${name}-${slot}`,
      set: `affinity-${name}-${slot}`,
    }));
    add(`chain ${table} service-${name}`);
    for (const endpoint of endpoints) {
      add(`chain ${table} ${endpoint.chain}`);
      if (affinity)
        add(`set ${table} ${endpoint.set} { type ${address}; flags dynamic,timeout; timeout 10800s; }`);
      add(`rule ${table} ${endpoint.chain} ${ip} saddr ${endpoint.address} jump mark-for-masquerade`);
      if (affinity) add(`rule ${table} ${endpoint.chain} update @${endpoint.set} { ${ip} saddr }`);
      const to =
        cluster.family === 'IPv4'
          ? `${endpoint.address}:${endpoint.port}`
          : `[${endpoint.address}]:${endpoint.port}`;
      add(`rule ${table} ${endpoint.chain} meta l4proto ${protocol} dnat to ${to}`);
      if (affinity) add(`rule ${table} service-${name} ${ip} saddr @${endpoint.set} goto ${endpoint.chain}`);
    }
    const outside = `${ip} daddr ${clusterIP} ${protocol} dport 80 ${ip} saddr != ${cluster.podCIDR} jump mark-for-masquerade`;
    lines.push(`insert rule ${table} service-${name} ${outside}`);
    const picks = endpoints.map(({ chain }, slot) => `${slot} : goto ${chain}`).join(', ');
    add(`rule ${table} service-${name} numgen random mod ${endpoints.length} vmap { ${picks} }`);
    clusterIPs.push(clusterIP);
    serviceIPs.push(`${clusterIP} . ${protocol} . 80 : goto service-${name}`);
    if (nodePort === null) continue;
    add(`chain ${table} external-${name}`);
    add(`rule ${table} external-${name} jump mark-for-masquerade`);
    add(`rule ${table} external-${name} goto service-${name}`);
    nodePorts.push(`${protocol} . ${nodePort} : goto external-${name}`);
  }
  add(`element ${table} cluster-ips { ${clusterIPs.join(', ')} }`);
  add(`element ${table} service-ips { ${serviceIPs.join(', ')} }`);
  if (nodePorts.length > 0) add(`element ${table} service-nodeports { ${nodePorts.join(', ')} }`);
  return `${lines.join('\n')}\n`;
}
