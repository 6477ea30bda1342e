import { grouped } from '../base/collect.ts';
import { formatRef, refOf } from '../model/object.ts';
import { formatNotOurs, type ServiceFact } from '../model/service.ts';
import { firstFew } from '../model/text.ts';
import { familyOf, formatEndpoint } from '../net/address.ts';
import type { PodBinding, ServiceFrontend } from '../plan/entry.ts';
import { addressesForNodePorts } from '../plan/node-port-addresses.ts';
import { isServedExternalIP } from '../plan/service.ts';
import type { Hint, HintFacts } from './hint.ts';
import { isOwnAddress } from './own.ts';
import type { Packet } from './packet.ts';
import type { Walk } from './walk.ts';

type Claimed = ServiceFrontend | PodBinding;

/** Further ports of one object are only counted. */
const PORTS_SHOWN = 6;

/** Services with the same port elsewhere: of more than these, none is shown. */
const SAME_PORT_SHOWN = 2;

/** Objects with only this address or only this port, if no object has both. */
export function destinationHints(facts: HintFacts, { packet, steps }: Walk): Hint[] {
  const rule = steps.at(-1)?.rule;
  if (rule === 'service-frontend' || rule === 'pod-binding' || rule === 'source-ranges') return [];
  const near = claimedNear(facts, packet);
  return [
    ...sameAddress(near, packet),
    ...unservedAddress(facts, packet),
    ...nodePorts(facts, packet, near),
    ...wantedByPods(facts, packet),
    ...otherAddress(facts, near, packet),
  ];
}

function claimedNear({ plan }: HintFacts, { destination, protocol, port }: Packet): Claimed[] {
  const near: Claimed[] = [];
  for (const entry of plan.entries()) {
    if (entry.kind !== 'ServiceFrontend' && entry.kind !== 'PodBinding') continue;
    const { tuple } = entry;
    if (tuple.address === destination || (tuple.port === port && tuple.protocol === protocol))
      near.push(entry);
  }
  return near;
}

function sameAddress(near: readonly Claimed[], { destination, protocol, port }: Packet): Hint[] {
  const having = near.filter(({ tuple }) => tuple.address === destination);
  const byOwner = grouped(having, ({ owner }) => formatRef(owner));
  return [...byOwner.values()].map((entries): Hint => {
    const [first] = entries as [Claimed, ...Claimed[]];
    const protocols = entries.filter(({ tuple }) => tuple.port === port).map(({ tuple }) => tuple.protocol);
    const what =
      first.kind === 'PodBinding' ? 'has a binding at this address' : `has this address (${first.origin})`;
    if (protocols.length > 0) {
      const text = `${what} with port ${port}, but for ${protocols.join(' and ')}, not for ${protocol}`;
      return { about: 'other-protocol', object: first.owner, text };
    }
    const ports = entries.map(({ tuple }) => `${tuple.port}/${tuple.protocol}`).sort();
    const text = `${what}, but with ${firstFew(ports, PORTS_SHOWN)}, not with ${port}/${protocol}`;
    return { about: 'other-port', object: first.owner, text };
  });
}

/** Services with this address that knat does not handle or serve. */
function unservedAddress(
  { services, enable, externalIPs: served }: HintFacts,
  { destination }: Packet,
): Hint[] {
  const hints: Hint[] = [];
  for (const service of services.values()) {
    const { clusterIPs, externalIPs, loadBalancerIPs, notOurs } = service;
    if (!clusterIPs.concat(externalIPs, loadBalancerIPs).includes(destination)) continue;
    const object = refOf('Service', service);
    if (!enable.service) {
      hints.push({ about: 'switched-off', object, text: `has this address, but ${OFF}` });
    } else if (notOurs !== null) {
      const text = `has this address, but is not handled by knat: ${formatNotOurs(notOurs)}`;
      hints.push({ about: 'not-ours', object, text });
    } else if (externalIPs.includes(destination) && !isServedExternalIP(served, destination)) {
      const text = 'has this address in its externalIPs, but --external-ips excludes it';
      hints.push({ about: 'not-ours', object, text });
    }
  }
  return hints;
}

const OFF = 'Service NAT is switched off (--enable)';

function nodePorts(facts: HintFacts, packet: Packet, near: readonly Claimed[]): Hint[] {
  const { services, node, nodes, enable } = facts;
  const { destination, protocol, port } = packet;
  const other = [...nodes.values()].find(
    ({ name, addresses }) =>
      name !== node.nodeName && addresses.some(({ address }) => address === destination),
  );
  const isOwn = isOwnAddress(node, destination);
  if (!isOwn && other === undefined) return [];
  const hints: Hint[] = [];
  const samePort: Hint[] = [];
  for (const service of services.values()) {
    if (service.notOurs !== null) continue;
    const object = refOf('Service', service);
    for (const each of service.ports) {
      if (each.nodePort === null) continue;
      if (each.nodePort === port && each.protocol !== protocol) {
        // If the NodePort answers on this address, `sameAddress` has a hint already.
        if (near.some(({ tuple }) => tuple.address === destination && tuple.port === port)) continue;
        const text = `has the NodePort ${port}, but for ${each.protocol}, not for ${protocol}`;
        hints.push({ about: 'other-protocol', object, text });
      } else if (each.nodePort === port) {
        if (!isOwn && other !== undefined) {
          const text = `has the NodePort ${port}, but ${destination} is an address of Node ${other.name}: that node translates it`;
          hints.push({ about: 'other-node', object, text });
        } else if (!enable.service) {
          hints.push({ about: 'switched-off', object, text: `has the NodePort ${port}, but ${OFF}` });
        } else hints.push({ about: 'node-port', object, text: closedNodePort(facts, service, packet) });
      } else if (isOwn && each.port === port && each.protocol === protocol) {
        const text = `has port ${port}/${protocol}, but its NodePort on addresses of nodes is ${each.nodePort}`;
        samePort.push({ about: 'node-port', object, text });
      }
    }
  }
  // A long list of Services with port 80 would not help.
  return samePort.length <= SAME_PORT_SHOWN ? hints.concat(samePort) : hints;
}

function closedNodePort({ node }: HintFacts, service: ServiceFact, { destination, port }: Packet): string {
  const family = familyOf(destination);
  const addresses = addressesForNodePorts(node).filter((address) => familyOf(address) === family);
  if (!service.clusterIPs.some((address) => familyOf(address) === family)) {
    return `has the NodePort ${port}, but no ${family} address, so it answers on none`;
  }
  const where = addresses.length === 0 ? `no ${family} address` : addresses.join(', ');
  return `has the NodePort ${port}, but NodePorts of this node answer only on ${where} (nodePortAddresses)`;
}

/** Pods whose annotation asks for the port but does not get it. */
function wantedByPods({ pods, plan, node, enable }: HintFacts, packet: Packet): Hint[] {
  const { destination, protocol, port } = packet;
  const isOwn = isOwnAddress(node, destination);
  const hints: Hint[] = [];
  for (const pod of pods.values()) {
    if (pod.nat === null) continue;
    const object = refOf('Pod', pod);
    const entry = pod.nat.entries.find(
      ({ sourcePort, portCount, protocol: wanted, sourceIP }) =>
        wanted === protocol &&
        sourcePort <= port &&
        port < sourcePort + portCount &&
        (sourceIP === null ? isOwn : sourceIP === destination),
    );
    const hint = (text: string): Hint => ({ about: 'pod', object, text });
    if (entry === undefined) {
      if (isOwn && pod.nat.error !== null && pod.nodeName === node.nodeName) {
        hints.push(hint(`no binding, since its annotation is invalid: ${pod.nat.error}`));
      }
      continue;
    }
    const wants = `asks for ${port}/${protocol}`;
    if (!enable.pod) {
      const text = `${wants}, but Pod NAT is switched off (--enable)`;
      hints.push({ about: 'switched-off', object, text });
    } else if (pod.nodeName !== node.nodeName) {
      if (entry.sourceIP === null) continue; // it is bound to the addresses of its own node
      hints.push(hint(`${wants}, but is on ${pod.nodeName === '' ? 'no node' : `Node ${pod.nodeName}`}`));
    } else if (pod.finished || pod.terminating) {
      hints.push(hint(`${wants}, but has ended or is terminating`));
    } else {
      const notice = [...plan.notices()].find(
        ({ object: of }) => of.kind === 'Pod' && of.namespace === pod.namespace && of.name === pod.name,
      );
      if (notice !== undefined) hints.push(hint(`${wants}, but: ${notice.message}`));
      else if (pod.ips.length === 0) hints.push(hint(`${wants}, but has no address yet`));
      else if (!pod.ready) hints.push(hint(`${wants}, but is not ready`));
    }
  }
  return hints;
}

/** Automatic bindings use only the node's public address. */
function otherAddress({ node }: HintFacts, near: readonly Claimed[], packet: Packet): Hint[] {
  const { destination } = packet;
  if (!isOwnAddress(node, destination)) return [];
  return near
    .filter(
      ({ kind, tuple }) =>
        kind === 'PodBinding' &&
        tuple.address !== destination &&
        familyOf(tuple.address) === familyOf(destination),
    )
    .map(({ owner, tuple }): Hint => {
      const bound = formatEndpoint(tuple.address, tuple.port);
      const text = `is bound to ${bound}/${tuple.protocol}, not to this address`;
      return { about: 'other-address', object: owner, text };
    });
}
