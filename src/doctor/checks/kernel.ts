import type { Check } from '../finding.ts';
import type { HostFinding } from '../host-facts.ts';

export const platform: Check = {
  name: 'platform',
  title: 'kernel and rights',
  examine: ({ platform: { failure } }) => (failure === null ? [] : [{ severity: 'error', ...failure }]),
};

const FORWARDING = [
  { sysctl: 'net.ipv4.ip_forward', family: 'IPv4' },
  { sysctl: 'net.ipv6.conf.all.forwarding', family: 'IPv6' },
] as const;

/** Without forwarding, translated packets do not leave this host. */
export const forwarding: Check = {
  name: 'forwarding',
  title: 'forwarding between interfaces',
  examine: ({ sysctls }) =>
    FORWARDING.flatMap(({ sysctl, family }): HostFinding[] => {
      if (sysctls.get(sysctl) !== '0') return [];
      return [
        {
          severity: family === 'IPv4' ? 'error' : 'warning',
          message: `${sysctl} is 0: this host forwards no ${family} packets, so it passes no packets to pods`,
          remedy: setSysctl(sysctl, '1'),
        },
      ];
    }),
};

/**
 * For IPv4, net.ipv4.conf.IF.forwarding decides about packets that come in by the interface (net/ipv4/route.c). For
 * IPv6 only net.ipv6.conf.all.forwarding does (net/ipv6/ip6_output.c); an interface's own value makes it a host to
 * routers.
 */
export const interfaceForwarding: Check = {
  name: 'interface-forwarding',
  title: 'forwarding of each interface',
  examine: ({ sysctls, interfaces }) => {
    if (interfaces === null) return 'the interfaces cannot be read';
    const forwards = interfaces.filter(({ name, up, bridge }) => up && bridge === null && name !== 'lo');
    return FORWARDING.flatMap(({ sysctl, family }) => {
      if (sysctls.get(sysctl) === '0') return []; // reported by the check before
      const group = family === 'IPv4' ? 'net.ipv4.conf' : 'net.ipv6.conf';
      return forwards.flatMap(({ name }): HostFinding[] => {
        const own = `${group}.${name}.forwarding`;
        if (sysctls.get(own) !== '0') return [];
        const message =
          family === 'IPv4'
            ? `${own} is 0: packets that enter by ${name} are not forwarded, so they reach no pod`
            : `${own} is 0: packets are still forwarded, but ${name} accepts routes from router advertisements like a host`;
        return [{ severity: family === 'IPv4' ? 'warning' : 'note', message, remedy: setSysctl(own, '1') }];
      });
    });
  },
};

/**
 * Strict reverse path filtering drops packets that come in where the reply would not leave. That happens only with
 * several uplinks (a second public address for Pod NAT). The larger of net.ipv4.conf.{all,IF}.rp_filter applies
 * (Documentation/networking/ip-sysctl.rst).
 */
export const reversePath: Check = {
  name: 'reverse-path-filter',
  title: 'reverse path filter',
  examine: ({ sysctls, interfaces }) => {
    if (interfaces === null) return 'the interfaces cannot be read';
    const uplinks = interfaces.filter(({ up, isUplink, networks }) => up && isUplink && networks.length > 0);
    if (uplinks.length < 2) return [];
    const strict = uplinks.filter(({ name }) => reversePathMode(sysctls, name) === 1);
    return strict.map(({ name }) => ({
      severity: 'warning' as const,
      message: `rp_filter is strict on ${name}, and this host has several uplinks (${uplinks.map((each) => each.name).join(', ')}): packets to an address of another uplink are dropped without a log message`,
      remedy: setSysctl(`net.ipv4.conf.${name}.rp_filter`, '2'),
    }));
  },
};

function reversePathMode(sysctls: HostSysctls, name: string): number {
  return Math.max(
    Number(sysctls.get('net.ipv4.conf.all.rp_filter') ?? 0),
    Number(sysctls.get(`net.ipv4.conf.${name}.rp_filter`) ?? 0),
  );
}

type HostSysctls = Parameters<Check['examine']>[0]['sysctls'];

/**
 * Two pods behind one bridge bypass the host's NAT unless br_netfilter passes bridged packets through it: a pod's reply
 * to its neighbour would not be translated back.
 */
export const bridgeNetfilter: Check = {
  name: 'bridge-netfilter',
  title: 'pods that share a bridge',
  examine: ({ sysctls, interfaces }) => {
    if (interfaces === null) return 'the interfaces cannot be read';
    const ports = new Map<string, number>();
    for (const { bridge, up } of interfaces) {
      if (bridge !== null && up) ports.set(bridge, (ports.get(bridge) ?? 0) + 1);
    }
    const shared = [...ports].filter(([, count]) => count > 1).map(([name]) => name);
    const value = sysctls.get('net.bridge.bridge-nf-call-iptables');
    if (shared.length === 0 || value === '1') return [];
    return [
      {
        severity: 'warning',
        message: `${shared.join(', ')} has several ports, and br_netfilter is ${value === undefined ? 'not loaded' : 'off'}: if pods of one bridge share a subnet, a pod's reply to its neighbour bypasses the NAT, and a Service whose endpoint is on the same bridge does not answer`,
        remedy:
          value === undefined
            ? 'modprobe br_netfilter, and name it in a file of /etc/modules-load.d; or make the pods send everything to the host, as the CNI plugin ptp does'
            : setSysctl('net.bridge.bridge-nf-call-iptables', '1'),
      },
    ];
  },
};

/** Kubernetes' default for --service-node-port-range. */
const NODE_PORTS = { first: 30000, last: 32767 };

/** The host or masquerading may use a NodePort as source port. */
export const localPorts: Check = {
  name: 'local-port-range',
  title: 'ports for connections and NodePorts',
  examine: ({ sysctls }) => {
    const range = sysctls.get('net.ipv4.ip_local_port_range');
    if (range === undefined) return 'net.ipv4.ip_local_port_range cannot be read';
    const [first = 0, last = 0] = range.split(/\s+/).map(Number);
    if (last < NODE_PORTS.first || first > NODE_PORTS.last) return [];
    if (isReserved(sysctls.get('net.ipv4.ip_local_reserved_ports') ?? '')) return [];
    return [
      {
        severity: 'warning',
        message: `net.ipv4.ip_local_port_range (${first}-${last}) overlaps the NodePorts (${NODE_PORTS.first}-${NODE_PORTS.last}): a program of this host that gets such a port may lose its packets to the Service`,
        remedy: setSysctl('net.ipv4.ip_local_reserved_ports', `${NODE_PORTS.first}-${NODE_PORTS.last}`),
      },
    ];
  },
};

/** @param text `ip_local_reserved_ports` as the kernel prints it: `8080,30000-32767` */
function isReserved(text: string): boolean {
  return text.split(',').some((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return first <= NODE_PORTS.first && last >= NODE_PORTS.last;
  });
}

/** Commands that set it now and for the next boot. */
function setSysctl(name: string, value: string): string {
  return `sysctl -w ${name}=${value}, and the same line in a file of /etc/sysctl.d`;
}
