import { grouped } from '../base/collect.ts';
import { formatRef } from '../model/object.ts';
import { firstFew } from '../model/text.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import type { PodBinding, ServiceFrontend } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import type { Hint, HintFacts } from './hint.ts';
import { isOwnAddress } from './own.ts';
import type { Walk } from './walk.ts';

/** Further ports of the address are only counted. */
const PORTS_SHOWN = 4;

/** Why a ping is answered although nothing translates it, or who would get the packet if it had a port. */
export function icmpHints({ plan, node }: HintFacts, { packet }: Walk): Hint[] {
  if (packet.icmp?.kind !== 'echo-request') return [];
  const { source, destination } = packet;
  const hints: Hint[] = [];
  if (isOwnAddress(node, destination)) {
    hints.push({
      about: 'icmp',
      object: null,
      text: `${destination} is an address of this node, which answers the ping itself; that says nothing about NodePorts and bindings there`,
    });
  }
  const claimed: (ServiceFrontend | PodBinding)[] = [];
  for (const entry of plan.entries()) {
    if (entry.kind !== 'ServiceFrontend' && entry.kind !== 'PodBinding') continue;
    if (entry.tuple.address === destination) claimed.push(entry);
  }
  for (const own of grouped(claimed, ({ owner }) => formatRef(owner)).values()) {
    const ports = own.map(({ tuple }) => `${tuple.port}/${tuple.protocol}`).sort();
    const text = `has ${firstFew(ports, PORTS_SHOWN)} of this address; ICMP has no ports and is not sent there`;
    hints.push({ about: 'icmp', object: own[0]?.owner ?? null, text });
  }
  const bound = PROTOCOLS.map((protocol) => plan.entry(podSourceKey(source, protocol))).find(Boolean);
  if (bound?.kind === 'PodSource' && !isOwnAddress(node, destination)) {
    const text = `its return address ${bound.snat} is for protocols with ports; its pings leave as those of other pods`;
    hints.push({ about: 'icmp', object: bound.owner, text });
  }
  return hints;
}
