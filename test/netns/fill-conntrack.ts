import { type IpAddress, parseAddress } from '../../src/net/address.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { conntrackStatus } from '../../src/wire/conntrack/entry.ts';

export interface MadeUpConnections {
  readonly count: number;
  /** The sources, in turn. IPv4. */
  readonly pods: readonly IpAddress[];
  /** The translated source. */
  readonly masqueradedAs: IpAddress;
}

/**
 * Has conntrack, in the network namespace of this process, track TCP connections from pods to port 443 of many places in
 * 198.18.0.0/16, which last an hour. No packet is sent: the entries go over ctnetlink.
 */
export function fillConntrack({ count, pods, masqueradedAs }: MadeUpConnections): void {
  const connection = new ConntrackConnection();
  try {
    for (let i = 0; i < count; i++) {
      const pod = pods[i % pods.length] as IpAddress;
      const place = parseAddress(`198.18.${(i >> 8) & 255}.${i & 255}`) as IpAddress;
      const original = { src: pod, dst: place, sport: 1024 + (i % 60_000), dport: 443 };
      const port = 1024 + (Math.floor(i / 4) % 60_000);
      connection.create({
        family: 'IPv4',
        protocol: 6,
        original,
        reply: { src: place, dst: masqueradedAs, sport: 443, dport: port },
        status: conntrackStatus.IPS_SEEN_REPLY | conntrackStatus.IPS_ASSURED,
        id: 0,
        timeoutSeconds: 3600,
        mark: 0,
        zone: 0,
        counters: null,
      });
    }
  } finally {
    connection.close();
  }
}
