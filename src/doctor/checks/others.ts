import { formatPrefix, type Prefix, prefixesOverlap } from '../../net/prefix.ts';
import { LINK_LOCAL } from '../../net/special-address.ts';
import { sourceNatRemedy } from '../../netfilter/program-remedies.ts';
import type { Check } from '../finding.ts';
import type { ForeignSourceNat, HostFacts, HostFinding } from '../host-facts.ts';

/** Other programs' rules that rewrite sources match the same packets; priorities and chance decide which rule wins. */
export const foreignSourceNat: Check = {
  name: 'foreign-source-nat',
  title: 'other programs that rewrite sources',
  examine: ({ foreignSourceNat, pools, unseenRules }) => {
    if (foreignSourceNat === null) return 'the rules of this network namespace cannot be read';
    const touching = foreignSourceNat.filter((rule) => touchesPods(rule, pools));
    const each = new Map(touching.map((rule) => [`${rule.table} ${rule.chain} ${rule.action}`, rule]));
    const findings = [...each.values()].map(({ table, chain, action, owner }): HostFinding => {
      const who = owner === null ? 'a rule of another program' : owner;
      return {
        severity: 'warning',
        message: `${who} has a ${action} rule in chain ${chain} of ${table}: if both match a packet, the chain that comes first decides, and the other has no effect`,
        remedy: sourceNatRemedy(owner),
      };
    });
    const unseen = unseenRules.map((message): HostFinding => {
      return { severity: 'note', message, remedy: 'install the package iptables where knat runs' };
    });
    return [...findings, ...unseen];
  },
};

/** By packets that are followed through the kernel, as explain does: what the rules above come to. */
export const differing: Check = {
  name: 'differing-source-nat',
  title: 'sources that another program gives to packets of pods',
  examine: ({ differing }) => {
    if (differing === null) return 'the plan is not known: no agent runs, and there is no --source';
    return differing.map(({ message, remedy }): HostFinding => ({ severity: 'warning', message, remedy }));
  },
};

/** Bridges of programs that keep their own networks, which never contain pods of Kubernetes. */
const OWN_BRIDGE =
  /^(docker\d*|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+|podman\d+|cni-podman\d+|lxcbr\d+|lxdbr\d+)$/;
const OWN_NETWORKS: ReadonlySet<string | null> = new Set(['docker', 'libvirt', 'tailscale']);

/**
 * False if the rule matches no pod's packet: its sources are in no pool or, if pools are unknown, it is for a network
 * that a program keeps for itself.
 */
function touchesPods(
  { source, families, notOut, owner }: ForeignSourceNat,
  pools: HostFacts['pools'],
): boolean {
  if (pools !== null && pools.length > 0) {
    if (source !== null) return pools.some(({ cidr }) => prefixesOverlap(cidr, source));
    return pools.some(({ cidr }) => families.includes(cidr.family));
  }
  if (source === null) return true;
  return !OWN_NETWORKS.has(owner) && (notOut === null || !OWN_BRIDGE.test(notOut));
}

/** Ports of tunnels between nodes (VXLAN, Geneve, WireGuard of Calico), which need no NAT. */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([4789, 6081, 8472, 51820, 51821]);

/** Without connection tracking neither an address nor the reply is translated. */
export const untracked: Check = {
  name: 'untracked',
  title: 'packets without connection tracking',
  examine: ({ untracked }) => {
    if (untracked === null) return 'the rules of this network namespace cannot be read';
    const found = untracked.filter(
      ({ source, destination, ports }) =>
        // NodeLocal DNSCache answers there itself; packets in tunnels were translated before.
        !isLinkLocal(source) &&
        !isLinkLocal(destination) &&
        !ports?.every(({ first, last }) => first === last && TUNNEL_PORTS.has(first)),
    );
    const rules = new Map(found.map((rule) => [`${rule.table} ${rule.chain}`, rule]));
    return [...rules.values()].map(({ table, chain, destination }): HostFinding => {
      const which =
        destination === null ? 'packets that it matches' : `packets to ${formatPrefix(destination)}`;
      return {
        severity: 'warning',
        message: `a notrack rule in chain ${chain} of ${table} excludes ${which} from connection tracking: these packets and their replies are not translated`,
        remedy:
          'remove it, or exclude packets from and to pods, Services and bindings (NodeLocal DNSCache adds such rules on purpose)',
      };
    });
  },
};

function isLinkLocal(prefix: Prefix | null): boolean {
  if (prefix === null) return false;
  const own = LINK_LOCAL[prefix.family];
  return prefixesOverlap(own, prefix) && prefix.length >= own.length;
}

export const kubeProxy: Check = {
  name: 'kube-proxy',
  title: 'kube-proxy',
  examine: ({ kubeProxy }) => {
    if (kubeProxy === null) return 'the rules of this network namespace cannot be read';
    if (kubeProxy.length === 0) return [];
    return [
      {
        severity: 'warning',
        message: `rules of kube-proxy are present: ${kubeProxy.join('; ')}`,
        remedy:
          'replace it (knat agent --replace-kube-proxy), or let it keep the Services (--beside-kube-proxy leave, or --enable pod,egress)',
      },
    ];
  },
};

export const forwardDrops: Check = {
  name: 'forward-policy',
  title: 'packet filters for pods',
  examine: ({ forwardDrops }) => {
    if (forwardDrops === null) return 'the rules of this network namespace cannot be read';
    return forwardDrops.map(({ where, remedy }): HostFinding => {
      const message = `${where} drops translated packets: connections from outside do not reach pods`;
      return { severity: 'warning', message, remedy };
    });
  },
};

/** A host in a network that overlaps a pool is indistinguishable from a pod. */
export const poolsAndNetworks: Check = {
  name: 'pools-and-node-networks',
  title: 'pools and the networks of this node',
  examine: ({ pools, interfaces }) => {
    if (pools === null) return 'the pools are not known: no agent runs, and there is no --source';
    if (interfaces === null) return 'the interfaces cannot be read';
    return interfaces
      .filter(({ up, isUplink }) => up && isUplink)
      .flatMap(({ name, networks }) =>
        networks.flatMap((network) =>
          pools
            .filter(({ cidr }) => prefixesOverlap(cidr, network))
            .map(({ name: pool, cidr }): HostFinding => {
              return {
                severity: 'warning',
                message: `pool ${pool} (${formatPrefix(cidr)}) overlaps ${formatPrefix(network)}, the network of ${name}: pods reach these hosts with their own addresses, so the hosts need routes to the pods`,
                remedy:
                  'choose a range for pods that overlaps no network of the node, or make sure that these hosts have routes to the pods',
              };
            }),
        ),
      );
  },
};

/** Maximum number of listed findings of the agent. */
const AGENT_FINDINGS = 10;

export const agent: Check = {
  name: 'agent',
  title: 'the agent of this node',
  examine: ({ agent }) => {
    if (agent === null) {
      const message = 'no knat agent runs in this network namespace';
      return [{ severity: 'warning', message, remedy: 'start it: knat agent --help' }];
    }
    const findings: HostFinding[] = [];
    if (!agent.synced) {
      findings.push({
        severity: 'warning',
        message: 'the agent is still reading its source',
        remedy: 'knat status says what it waits for',
      });
    }
    if (agent.failure !== null) {
      findings.push({
        severity: 'error',
        message: `the kernel does not match the plan: ${agent.failure}`,
        remedy: 'see knat status and the log of the agent',
      });
    }
    findings.push(...agent.findings.slice(0, AGENT_FINDINGS));
    const left = agent.findings.length - AGENT_FINDINGS;
    if (left > 0) {
      const message = `the agent has ${left} more findings`;
      findings.push({ severity: 'warning', message, remedy: 'knat status lists all of them' });
    }
    return findings;
  },
};
