/**
 * Rules as other programs write them, and policy routing, drawn at random over the addresses and ports of `traffic.ts`. Replies
 * pass all of them, so that what a client sees tells what became of its first packet.
 */
import fc from 'fast-check';
import type { Family } from '../../src/net/family.ts';

/** Which program reads the lines. */
export type ForeignTool = 'nft' | 'iptables' | 'ip';

export interface ForeignScript {
  readonly tool: ForeignTool;
  readonly family: Family;
  /** Of `iptables`: by legacy tables, or those of nf_tables. */
  readonly flavour: 'nft' | 'legacy';
  /** For `nft -f`, `iptables-restore --noflush`, `ip -batch`. */
  readonly lines: readonly string[];
}

const PODS = { IPv4: '10.244.0.0/16', IPv6: 'fd00:244::/48' } as const;
const OWN_PODS = { IPv4: '10.244.1.0/24', IPv6: 'fd00:244::/64' } as const;
const MULTICAST = { IPv4: '224.0.0.0/4', IPv6: 'ff00::/8' } as const;
const LOOPBACK = { IPv4: '127.0.0.0/8', IPv6: '::1/128' } as const;
const NETWORKS = {
  IPv4: [
    '10.244.1.0/24',
    '10.244.1.1',
    '198.51.100.0/24',
    '192.0.2.0/24',
    '192.0.2.50',
    '100.64.0.0/10',
    '0.0.0.0/0',
  ],
  IPv6: ['fd00:244::/64', 'fd00:244::1', '2001:db8:9::/48', '2001:db8::/64', '2001:db8::50', '::/0'],
} as const;
const TARGETS = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.2.1', '100.64.9.7'],
  IPv6: ['fd00:244::1', 'fd00:244::2', '2001:db8:9::7'],
} as const;
const GIVEN = { IPv4: ['192.0.2.10', '203.0.113.7'], IPv6: ['2001:db8::10'] } as const;
/** Sources that nobody sends to. */
const SENDERS = { IPv4: ['198.51.100.9', '100.64.9.9'], IPv6: ['2001:db8:9::9'] } as const;
const DIALLED = [25, 80, 30080, 8080, 24, 30053, 53] as const;
const INTERFACES = ['eth0', 'cni0'] as const;

const withPort = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

type Lines = Readonly<Record<string, readonly string[]>>;

const isAny = (network: string) => network === '0.0.0.0/0' || network === '::/0';

/** The input of iptables-restore: lines by table; `:CHAIN` declares one. */
function restored(tables: Lines): string[] {
  return Object.entries(tables).flatMap(([table, lines]) => [`*${table}`, ...lines, 'COMMIT']);
}

const port = fc.constantFrom(...DIALLED);
const l4 = fc.constantFrom('tcp', 'tcp', 'udp', 'udp', 'sctp');
/** Echo requests, as iptables and nft write them: neighbours of IPv6 are found by other types. */
const PING = {
  IPv4: ['-p icmp -m icmp --icmp-type echo-request', 'icmp type echo-request'],
  IPv6: ['-p ipv6-icmp -m icmp6 --icmpv6-type echo-request', 'icmpv6 type echo-request'],
} as const;
const iface = fc.constantFrom(...INTERFACES);

type Draw = (family: Family) => fc.Arbitrary<Lines>;

const flannel: Draw = (family) =>
  fc.boolean().map((random) => {
    const to = random ? ' --random-fully' : '';
    return {
      nat: [
        ':FLANNEL-POSTRTG - [0:0]',
        '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
        '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
        `-A FLANNEL-POSTRTG -s ${OWN_PODS[family]} -d ${PODS[family]} -j RETURN`,
        `-A FLANNEL-POSTRTG ! -s ${PODS[family]} -d ${OWN_PODS[family]} -j RETURN`,
        `-A FLANNEL-POSTRTG -s ${PODS[family]} ! -d ${MULTICAST[family]} -j MASQUERADE${to}`,
        `-A FLANNEL-POSTRTG ! -s ${PODS[family]} -d ${PODS[family]} -j MASQUERADE${to}`,
      ],
      filter: [
        ':FLANNEL-FWD - [0:0]',
        '-A FORWARD -j FLANNEL-FWD',
        `-A FLANNEL-FWD -s ${PODS[family]} -j ACCEPT`,
        `-A FLANNEL-FWD -d ${PODS[family]} -j ACCEPT`,
      ],
    };
  });

const docker: Draw = (family) =>
  fc
    .record({
      port,
      proto: l4,
      to: fc.constantFrom(...TARGETS[family]),
      out: iface,
      drops: fc.boolean(),
      at: fc.nat(2),
    })
    .map(({ port, proto, to, out, drops }) => ({
      nat: [
        ':DOCKER - [0:0]',
        '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
        `-A OUTPUT ! -d ${LOOPBACK[family]} -m addrtype --dst-type LOCAL -j DOCKER`,
        `-A POSTROUTING -s ${OWN_PODS[family]} ! -o ${out} -j MASQUERADE`,
        `-A POSTROUTING -s ${to} -d ${to} -p ${proto} -m ${proto} --dport 8080 -j MASQUERADE`,
        '-A DOCKER -i docker0 -j RETURN',
        `-A DOCKER ! -i docker0 -p ${proto} -m ${proto} --dport ${port} -j DNAT --to-destination ${withPort(to, 8080)}`,
      ],
      filter: [
        ...(drops ? [':FORWARD DROP [0:0]'] : []),
        ':DOCKER - [0:0]',
        ':DOCKER-USER - [0:0]',
        '-A FORWARD -j DOCKER-USER',
        '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        `-A FORWARD -o ${out} -j DOCKER`,
        `-A FORWARD -i ${out} ! -o ${out} -j ACCEPT`,
        `-A DOCKER -d ${to} ! -i ${out} -p ${proto} -m ${proto} --dport 8080 -j ACCEPT`,
        '-A DOCKER-USER -j RETURN',
      ],
    }));

const ufw: Draw = (family) =>
  fc
    .record({
      ports: fc.uniqueArray(port, { minLength: 1, maxLength: 3 }),
      proto: l4,
      from: fc.constantFrom(...NETWORKS[family]),
      policy: fc.constantFrom('ACCEPT', 'DROP'),
      last: fc.constantFrom('-j DROP', '-j REJECT', '-p tcp -j REJECT --reject-with tcp-reset', ''),
      limit: fc.boolean(),
      hook: fc.constantFrom('FORWARD', 'INPUT'),
    })
    .map(({ ports, proto, from, policy, last, limit, hook }) => ({
      filter: [
        `:${hook} ${policy} [0:0]`,
        ':ufw-before - [0:0]',
        ':ufw-user - [0:0]',
        ':ufw-after - [0:0]',
        `-A ${hook} -j ufw-before`,
        `-A ${hook} -j ufw-after`,
        '-A ufw-before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-A ufw-before -i lo -j ACCEPT',
        // Without it, no neighbour is found.
        ...(family === 'IPv6' ? ['-A ufw-before -p ipv6-icmp -j ACCEPT'] : []),
        '-A ufw-before -m conntrack --ctstate INVALID -m limit --limit 3/min -j LOG',
        '-A ufw-before -m conntrack --ctstate INVALID -j DROP',
        '-A ufw-before -j ufw-user',
        `-A ufw-user -s ${from} -p ${proto} -m multiport --dports ${ports.join(',')} -j ACCEPT`,
        ...(limit ? ['-A ufw-user -p tcp -m tcp --dport 80 -m limit --limit 6/min -j ACCEPT'] : []),
        ...(last === '' ? [] : [`-A ufw-after ${last}`]),
      ],
    }));

const portmap: Draw = (family) =>
  fc
    .record({
      port,
      proto: l4,
      to: fc.constantFrom(...TARGETS[family]),
      own: fc.constantFrom(...GIVEN[family], null),
    })
    .map(({ port, proto, to, own }) => ({
      nat: [
        ':CNI-HOSTPORT-DNAT - [0:0]',
        ':CNI-DN-0011223344556677 - [0:0]',
        ':CNI-HOSTPORT-SETMARK - [0:0]',
        ':CNI-HOSTPORT-MASQ - [0:0]',
        '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
        '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
        '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
        '-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000',
        '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
        `-A CNI-HOSTPORT-DNAT -p ${proto} -m multiport --dports ${port},4242 -j CNI-DN-0011223344556677`,
        `-A CNI-DN-0011223344556677 -s ${to} -p ${proto} -m ${proto} --dport ${port} -j CNI-HOSTPORT-SETMARK`,
        `-A CNI-DN-0011223344556677${own === null ? '' : ` -d ${own}`} -p ${proto} -m ${proto} --dport ${port} -j DNAT --to-destination ${withPort(to, 8080)}`,
      ],
    }));

/** What administrators write. */
const plain: Draw = (family) =>
  fc
    .record({
      port,
      proto: l4,
      from: fc.constantFrom(...NETWORKS[family]),
      to: fc.constantFrom(...NETWORKS[family]),
      given: fc.constantFrom(...GIVEN[family]),
      inBy: iface,
      outBy: iface,
      nat: fc.constantFrom('SNAT', 'MASQUERADE', 'none'),
      raw: fc.constantFrom('NOTRACK', 'DROP', 'none', 'none'),
      chance: fc.boolean(),
      bits: fc.constantFrom('0x1/0x1', '0x10/0xf0'),
      ping: fc.constantFrom('DROP', 'REJECT', 'ACCEPT', 'none'),
      pinged: fc.option(fc.constantFrom(...TARGETS[family])),
    })
    .map(({ port, proto, from, to, given, inBy, outBy, nat, raw, chance, bits, ping, pinged }) => ({
      mangle: [
        `-A PREROUTING -i ${inBy} -s ${from} -p ${proto} -m ${proto} --dport ${port} -j MARK --set-xmark ${bits}`,
        `-A PREROUTING -p ${proto} -m ${proto} ! --dport ${port} -m mark --mark 0x0/0xff -j MARK --set-xmark 0x100/0x100`,
      ],
      nat: [
        ...(pinged === null
          ? []
          : [`-A PREROUTING -d ${given} ${PING[family][0]} -j DNAT --to-destination ${pinged}`]),
        ...(nat === 'none'
          ? []
          : [
              `-A POSTROUTING -o ${outBy} -s ${from} ! -d ${isAny(to) ? MULTICAST[family] : to} -p ${proto}${chance ? ' -m statistic --mode random --probability 0.5' : ''} -j ${nat}${nat === 'SNAT' ? ` --to-source ${given}` : ''}`,
            ]),
      ],
      raw: raw === 'none' ? [] : [`-A PREROUTING -d ${to} -p ${proto} -m ${proto} --dport ${port} -j ${raw}`],
      filter: [
        `-A FORWARD -m mark --mark ${bits} -m conntrack --ctstate NEW ! --ctstate DNAT -j DROP`.replace(
          ' ! --ctstate DNAT',
          '',
        ),
        '-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT',
        ...(ping === 'none' ? [] : [`-A FORWARD -s ${from} ${PING[family][0]} -j ${ping}`]),
        ...(ping === 'none' ? [] : [`-A INPUT -i ${inBy} ${PING[family][0]} -j ${ping}`]),
      ],
    }));

const IPTABLES: Readonly<Record<string, Draw>> = { flannel, docker, ufw, portmap, plain };

const word = (family: Family) => (family === 'IPv4' ? 'ip' : 'ip6');

const firewalld = (family: Family): fc.Arbitrary<readonly string[]> =>
  fc
    .record({
      zone: iface,
      ports: fc.uniqueArray(port, { minLength: 1, maxLength: 4 }),
      proto: l4,
      masquerade: fc.boolean(),
      last: fc.constantFrom('reject with icmpx type admin-prohibited', 'drop', 'accept'),
      forwardPort: fc.option(port),
      to: fc.constantFrom(...TARGETS[family]),
      priority: fc.constantFrom(-110, -90),
    })
    .map(({ zone, ports, proto, masquerade, last, forwardPort, to, priority }) => {
      const set = `{ ${ports.join(', ')} }`;
      return [
        'table inet firewalld {',
        '  set trusted { type ifname; elements = { "lo" } }',
        '  chain nat_PREROUTING {',
        `    type nat hook prerouting priority ${priority}; policy accept;`,
        `    iifname "${zone}" jump nat_PRE_public`,
        '  }',
        '  chain nat_PRE_public {',
        ...(forwardPort === null
          ? []
          : [
              `    meta nfproto ${family === 'IPv4' ? 'ipv4' : 'ipv6'} ${proto} dport ${forwardPort} dnat ${word(family)} to ${withPort(to, 8080)}`,
            ]),
        '  }',
        '  chain nat_POSTROUTING {',
        '    type nat hook postrouting priority 110; policy accept;',
        ...(masquerade ? [`    oifname "${zone}" masquerade`] : []),
        '  }',
        '  chain filter_FORWARD {',
        '    type filter hook forward priority 10; policy accept;',
        '    ct state { established, related } accept',
        '    ct status dnat accept',
        '    iifname @trusted accept',
        `    iifname vmap { "${zone}" : goto filter_FWD_public, "lo" : accept }`,
        '    ct state invalid drop',
        '  }',
        '  chain filter_FWD_public {',
        `    ${proto} dport ${set} accept`,
        `    ${last}`,
        '  }',
        '  chain filter_INPUT {',
        '    type filter hook input priority 10; policy accept;',
        '    ct state { established, related } accept',
        '    ct status dnat accept',
        '    iifname "lo" accept',
        `    iifname "${zone}" ${proto} dport ${set} accept`,
        `    iifname "${zone}" meta l4proto { tcp, udp } ${last}`,
        '  }',
        '}',
      ];
    });

/** Maps, concatenations, marks and loose priorities. */
const nftables = (family: Family): fc.Arbitrary<readonly string[]> =>
  fc
    .record({
      port,
      from: fc.constantFrom(...NETWORKS[family]),
      to: fc.constantFrom(...TARGETS[family]),
      dstPriority: fc.constantFrom(-150, -100, -99, -50),
      srcPriority: fc.constantFrom(50, 100, 150),
      mark: fc.constantFrom('0x1', '0x20'),
      verdict: fc.constantFrom('drop', 'accept', 'return', 'reject', 'limit rate 1/minute drop'),
      masquerades: fc.boolean(),
      notracks: fc.boolean(),
      inBy: iface,
    })
    .map(({ port, from, to, dstPriority, srcPriority, mark, verdict, masquerades, notracks, inBy }) => {
      const ip = word(family);
      const type = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
      const any = isAny(from);
      const source = any ? '' : `${ip} saddr ${from} `;
      return [
        `table ${ip} site {`,
        `  map mapped { type inet_proto . inet_service : ${type} . inet_service; elements = { tcp . ${port} : ${to} . 8080, udp . ${port} : ${to} . 8080 } }`,
        `  set nets { type ${type}; flags interval; elements = { ${any ? NETWORKS[family][0] : from} } }`,
        `  set pairs { type ${type} . inet_service; flags interval; elements = { ${any ? NETWORKS[family][0] : from} . 20-90, ${to} . 8000-9000 } }`,
        '  chain early {',
        '    type filter hook prerouting priority -300; policy accept;',
        ...(notracks ? [`    iifname "${inBy}" udp dport ${port} ${source}notrack`] : []),
        `    iifname "${inBy[0]}*" ${ip} saddr @nets th dport < 40000 meta mark set ${mark}`,
        '  }',
        '  chain to_pods {',
        `    type nat hook prerouting priority ${dstPriority}; policy accept;`,
        `    fib daddr type local meta mark ${mark} dnat ${ip} to meta l4proto . th dport map @mapped`,
        '  }',
        '  chain judged {',
        `    ${ip} saddr . th dport @pairs accept`,
        `    sctp dport ${port} drop`,
        `    tcp dport ${port} tcp flags syn / syn,ack meta mark & 0xff == ${mark} ${verdict}`,
        '  }',
        '  chain passing {',
        '    type filter hook forward priority -10; policy accept;',
        '    ct state established,related accept',
        `    ${PING[family][1]} meta mark ${mark} ${verdict}`,
        `    th dport vmap { ${port} : jump judged, 9 : drop }`,
        `    ct original ${ip} daddr ${to} udp dport 53 drop`,
        '  }',
        '  chain leaving {',
        `    type nat hook postrouting priority ${srcPriority}; policy accept;`,
        ...(masquerades ? [`    ${source}ct status dnat oifname != "lo" masquerade`] : []),
        `    meta mark and 0x20 == 0x20 ${ip} daddr ${to} counter masquerade`,
        '  }',
        '}',
      ];
    });

const routing = (family: Family): fc.Arbitrary<readonly string[]> =>
  fc
    .record({
      by: fc.constantFrom(
        ...SENDERS[family].map((sender) => `from ${sender}`),
        'fwmark 0x1/0x1',
        'fwmark 0x20/0x20',
        'ipproto tcp dport 24',
        'iif cni0 ipproto udp dport 8080',
      ),
      route: fc.constantFrom('blackhole', 'unreachable', 'prohibit', 'cni0', 'eth0'),
    })
    .map(({ by, route }) => {
      const via = family === 'IPv4' ? 'via inet6 fe80::2' : 'via fe80::2';
      const way = INTERFACES.includes(route as 'eth0') ? `${via} dev ${route}` : '';
      const kind = way === '' ? `${route} ` : '';
      return [`route add ${kind}default ${way} table 77`, `rule add pref 1000 ${by} lookup 77`];
    });

const family = fc.constantFrom<Family>('IPv4', 'IPv6');
const flavour = fc.constantFrom('nft' as const, 'legacy' as const);

const script: fc.Arbitrary<ForeignScript> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ family, flavour, name: fc.constantFrom(...Object.keys(IPTABLES)) })
      .chain(({ family, flavour, name }) =>
        (IPTABLES[name] as Draw)(family).map((lines) => ({
          tool: 'iptables' as const,
          family,
          flavour,
          lines: restored(lines),
        })),
      ),
  },
  {
    weight: 1,
    arbitrary: family.chain((one) =>
      firewalld(one).map((lines) => ({ tool: 'nft' as const, family: one, flavour: 'nft' as const, lines })),
    ),
  },
  {
    weight: 2,
    arbitrary: family.chain((one) =>
      nftables(one).map((lines) => ({ tool: 'nft' as const, family: one, flavour: 'nft' as const, lines })),
    ),
  },
  {
    weight: 1,
    arbitrary: family.chain((one) =>
      routing(one).map((lines) => ({ tool: 'ip' as const, family: one, flavour: 'nft' as const, lines })),
    ),
  },
);

/** At most one of a kind for each family: programs do not write their chains twice. */
export const foreignScripts: fc.Arbitrary<readonly ForeignScript[]> = fc.uniqueArray(script, {
  minLength: 1,
  maxLength: 4,
  selector: ({ tool, family: of, flavour: by, lines }) =>
    tool === 'nft'
      ? `${tool} ${lines[0]}`
      : tool === 'ip'
        ? `${tool} ${of}`
        : `${tool} ${of} ${by} ${lines[1]}`,
});
