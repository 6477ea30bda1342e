import type { NodeFacts } from '../../model/node.ts';
import type { PoolFact } from '../../model/pool.ts';
import { compareText } from '../../model/text.ts';
import { addressFromNumber, addressNumber, familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits, FAMILIES, type Family } from '../../net/family.ts';
import { parsePort } from '../../net/port.ts';
import { formatPrefix, type Prefix, prefixContains } from '../../net/prefix.ts';
import { programNamed } from '../../netfilter/program-names.ts';
import { sourceNatRemedyFor } from '../../netfilter/program-remedies.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import type { PortPacket } from '../packet.ts';
import { walk } from '../walk.ts';
import type { Journey, JourneyEnd } from './journey.ts';

/** Another program translates the source of pods' packets otherwise than the plan. */
export interface Difference {
  readonly program: string | null;
  /** One sentence without a full stop. */
  readonly message: string;
  readonly remedy: string;
}

/** Packets that are examined at one look. */
const MOST_SAMPLES = 24;
/** Addresses for documentation, as a destination in no pool: RFC 5737 and RFC 3849. */
const OUTSIDE: Readonly<Record<Family, IpAddress>> = {
  IPv4: '203.0.113.99' as IpAddress,
  IPv6: '2001:db8:ffff::99' as IpAddress,
};
const PORT = parsePort(443);

interface Sample {
  readonly packet: PortPacket;
  readonly source: PoolFact;
  /** The pool that has the destination; null: outside of all. */
  readonly destination: PoolFact | null;
}

/**
 * Where other programs give packets of pods another source than the plan: one packet from each pool of pods to each other pool and
 * to the outside, followed through the kernel.
 *
 * @param podsHere addresses of pods on this node, which are taken as senders where there are any
 */
export async function differingSources(
  plan: NatPlan,
  node: NodeFacts,
  podsHere: readonly IpAddress[],
  follow: (packet: PortPacket) => Promise<Journey>,
): Promise<Difference[]> {
  const found = new Map<string, Difference>();
  for (const sample of samplesOf(plan, node, podsHere)) {
    const [path] = walk(plan, node, sample.packet).paths;
    if (path === undefined || path.snat === 'node' || path.dropped) continue;
    const { ends } = await follow(sample.packet);
    for (const end of ends) {
      const difference = differenceOf(end, sample, path.snat);
      if (difference !== null) found.set(difference.message, difference);
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.message, b.message));
}

function differenceOf(
  { course, fate }: JourneyEnd,
  sample: Sample,
  planned: IpAddress | null,
): Difference | null {
  const { packet, source, destination } = sample;
  if (fate.kind !== 'sent' || course.assumed.length > 0) return null;
  if (course.packet.source === (planned ?? packet.source)) return null;
  const by = course.met.findLast(({ hook, effect }) => hook === 'postrouting' && TRANSLATES.has(effect.kind));
  if (by === undefined) return null;
  const { table, chain, text } = by.rule;
  const program = programNamed(chain, table);
  const to =
    destination === null ? 'the outside' : `${formatPrefix(destination.cidr)} (IPPool ${destination.name})`;
  const becomes = course.packet.source ?? 'an address of this node';
  const knat = planned === null ? 'knat leaves it as it is' : `knat would give them ${planned}`;
  const message = `${program ?? 'another program'} gives packets of pods in ${formatPrefix(source.cidr)} (IPPool ${source.name}) to ${to} the source ${becomes}, where ${knat}: chain ${chain} of ${table}, ${text}`;
  const where = destination === null ? packet.destination : formatPrefix(destination.cidr);
  return { program, message, remedy: sourceNatRemedyFor(program, where) };
}

const TRANSLATES: ReadonlySet<string> = new Set(['masquerade', 'snat']);

function samplesOf(plan: NatPlan, node: NodeFacts, podsHere: readonly IpAddress[]): Sample[] {
  const samples = FAMILIES.flatMap((family): Sample[] => {
    const { pools } = scopeOf(plan, family);
    const ofPods = pools.filter(({ disabled, loadBalancerOnly }) => !disabled && !loadBalancerOnly);
    return ofPods.flatMap((source) => {
      const sender = senderIn(source.cidr, node, podsHere);
      const inner = pools.filter(({ cidr }) => cidr !== source.cidr && !prefixContains(cidr, sender));
      return [null, ...inner].flatMap((destination): Sample[] => {
        const to = destination === null ? OUTSIDE[family] : addressIn(destination.cidr, 20n);
        if (PORT === null || (destination === null && pools.some(({ cidr }) => prefixContains(cidr, to))))
          return [];
        return [
          { packet: { source: sender, destination: to, protocol: 'TCP', port: PORT }, source, destination },
        ];
      });
    });
  });
  return samples.slice(0, MOST_SAMPLES);
}

/** A pod here, else an address of the node's own part of the pool. */
function senderIn(pool: Prefix, { podCIDRs }: NodeFacts, podsHere: readonly IpAddress[]): IpAddress {
  const pod = podsHere.find((address) => familyOf(address) === pool.family && prefixContains(pool, address));
  const own = podCIDRs.find((cidr) => cidr.family === pool.family && prefixContains(pool, cidr.address));
  return pod ?? addressIn(own ?? pool, 250n);
}

/** The address with this number, or the last one of a smaller network. */
function addressIn({ family, address, length }: Prefix, number: bigint): IpAddress {
  const last = (1n << BigInt(addressBits[family] - length)) - 1n;
  return addressFromNumber(family, addressNumber(address) + (number < last ? number : last));
}
