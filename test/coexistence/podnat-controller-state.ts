import type { JumpPositions } from '../../src/datapath/coexistence/podnat-controller-jumps.ts';

/**
 * What podnat-controller leaves in the kernel: its chains, jumps and comments, as releases 0.4 and 0.5 write them, beside
 * rules that the host had before.
 */

/** A rule for a pod: packets to the first address go to the second, and packets of the pod leave with the first. */
export interface PodnatRule {
  readonly protocol: 'tcp' | 'udp';
  readonly source: { readonly address: string; readonly port: number };
  readonly destination: { readonly address: string; readonly port: number };
}

interface PodnatState {
  readonly rules: readonly PodnatRule[];
  readonly family: 'IPv4' | 'IPv6';
  readonly prefix?: string;
  readonly positions?: JumpPositions;
}

/** Rules of other programs, by the base chain that gets the jump. */
const HOST_RULES = {
  FORWARD: ['-A FORWARD -j DOCKER-USER', '-A FORWARD -p tcp -m tcp --dport 9 -j DROP'],
  PREROUTING: ['-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER'],
  POSTROUTING: [],
} as const;

/** For `iptables-restore` or `ip6tables-restore`, with `--noflush` too. */
export function podnatControllerState({
  rules,
  family,
  prefix = 'podnat',
  positions = [-2, -2, -2],
}: PodnatState): string {
  const upper = prefix.toUpperCase();
  const bits = family === 'IPv4' ? 32 : 128;
  const place = (address: string, port: number) =>
    family === 'IPv4' ? `${address}:${port}` : `[${address}]:${port}`;
  const comment = '-m comment --comment "mail:smtp"';
  const withJump = (base: keyof typeof HOST_RULES, chain: string, position: number) => {
    const lines: string[] = [...HOST_RULES[base]];
    const jump = `-A ${base} -m comment --comment "${prefix}[jump_to_chain]" -j ${upper}_${chain}`;
    lines.splice(jumpPosition(position, lines.length + 1) - 1, 0, jump);
    return lines.join('\n');
  };
  const internal = ['172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/8', '127.0.0.0/8']
    .filter(() => family === 'IPv4')
    .map(
      (network) =>
        `-A ${upper}_POST -d ${network} -m comment --comment "${prefix}[no_snat_for_internal]" -j RETURN`,
    );
  return `*filter
:DOCKER-USER - [0:0]
:${upper}_FORWARD - [0:0]
${withJump('FORWARD', 'FORWARD', positions[0])}
${rules
  .map(
    ({ protocol, destination }) =>
      `-A ${upper}_FORWARD -d ${destination.address}/${bits} -p ${protocol} -m conntrack --ctstate NEW -m ${protocol} --dport ${destination.port} ${comment} -j ACCEPT`,
  )
  .join('\n')}
COMMIT
*nat
:DOCKER - [0:0]
:${upper}_PRE - [0:0]
:${upper}_POST - [0:0]
${withJump('PREROUTING', 'PRE', positions[1])}
${withJump('POSTROUTING', 'POST', positions[2])}
${internal.join('\n')}
${rules
  .map(
    ({ protocol, source, destination }) =>
      `-A ${upper}_PRE -d ${source.address}/${bits} -p ${protocol} -m ${protocol} --dport ${source.port} ${comment} -j DNAT --to-destination ${place(destination.address, destination.port)}
-A ${upper}_POST -s ${destination.address}/${bits} -p ${protocol} ${comment} -j SNAT --to-source ${source.address}`,
  )
  .join('\n')}
COMMIT
`;
}

/**
 * The place of a jump among `count` rules, itself among them; the first is 1. Positive: counted from the start; negative:
 * from the end, -1 being the last; 0, or nothing to count: the first; beyond either end: the last. docs/spec/pod-nat.md,
 * "Flags".
 */
function jumpPosition(asked: number, count: number): number {
  if (asked === 0 || count === 0) return 1;
  if (asked > 0) return Math.min(asked, count);
  return -asked <= count ? count + asked + 1 : count;
}
