import type { FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import { formatNotOurs } from '../model/service.ts';
import { type IpAddress, parseAddress } from '../net/address.ts';

export interface NamedFacts {
  readonly services: ReadonlyMap<string, FactTypes['Service']>;
  readonly pods: ReadonlyMap<string, FactTypes['Pod']>;
  readonly nodes: ReadonlyMap<string, FactTypes['Node']>;
  /** The node that the plan is for. */
  readonly node: Pick<NodeFacts, 'nodeName' | 'nodeIPs'>;
}

/** One end of a packet, as the user named it. */
export interface Place {
  /** `Pod shop/web-0`, or the address. */
  readonly name: string;
  /** At least one; the first of each family is used. */
  readonly addresses: readonly IpAddress[];
  /** A number or a name, as it was written; null without one. */
  readonly port: string | null;
  /** Set when the place is a Service. */
  readonly service: FactTypes['Service'] | null;
}

const NAMES_SHOWN = 5;

/**
 * Reads `ADDRESS[:PORT]`, `[IPV6]:PORT`, `pod/NAMESPACE/NAME[:PORT]`, `svc/NAMESPACE/NAME[:PORT]` or
 * `node/NAME[:PORT]`. Returns a text if it cannot.
 */
export function findPlace(text: string, facts: NamedFacts): Place | string {
  if (!text.includes('/')) return addressPlace(text);
  const colon = text.indexOf(':');
  const port = colon < 0 ? null : text.slice(colon + 1);
  const [kind, ...names] = (colon < 0 ? text : text.slice(0, colon)).split('/');
  const [first, second] = names;
  switch (kind) {
    case 'node':
      if (first === undefined || names.length !== 1) return `"${text}": write node/NAME`;
      return nodePlace(first, port, facts);
    case 'pod':
    case 'svc':
    case 'service':
      if (first === undefined || second === undefined || names.length !== 2) {
        return `"${text}": write ${kind}/NAMESPACE/NAME`;
      }
      return kind === 'pod' ? podPlace(first, second, port, facts) : servicePlace(first, second, port, facts);
    default:
      return `"${text}" is neither an address nor pod/NAMESPACE/NAME, svc/NAMESPACE/NAME or node/NAME`;
  }
}

/** The node that sees the place's packets first; null for an address and for unknown names. */
export function senderNode(text: string, { pods, nodes }: Pick<NamedFacts, 'pods' | 'nodes'>): string | null {
  const [, kind, name = ''] = /^(pod|node)\/([^:]+)/.exec(text) ?? [];
  const node = kind === 'pod' ? pods.get(name)?.nodeName : kind === 'node' ? name : undefined;
  return node !== undefined && nodes.has(node) ? node : null;
}

function addressPlace(text: string): Place | string {
  const whole = parseAddress(text);
  const match = /^(?:\[(.+)\]|([^[\]]+)):([^:]*)$/.exec(text);
  const address = whole ?? parseAddress(match?.[1] ?? match?.[2] ?? '');
  const port = whole === null ? (match?.[3] ?? null) : null;
  // `fd00::1:80` is an address; an IPv6 address with a port needs brackets.
  if (address === null || (match?.[2]?.includes(':') === true && whole === null)) {
    return `"${text}" is neither an address nor pod/NAMESPACE/NAME, svc/NAMESPACE/NAME or node/NAME`;
  }
  return { name: address, addresses: [address], port, service: null };
}

function nodePlace(name: string, port: string | null, facts: NamedFacts): Place | string {
  const known = facts.nodes.get(name)?.addresses ?? [];
  const internal = known.filter(({ type }) => type === 'InternalIP');
  const addresses = [...internal, ...known].map(({ address }) => address);
  if (name === facts.node.nodeName) addresses.unshift(...facts.node.nodeIPs);
  if (addresses.length > 0) return { name: `Node ${name}`, addresses, port, service: null };
  if (facts.nodes.has(name) || name === facts.node.nodeName) return `Node ${name} has no known address`;
  return `there is no Node ${name}${among([...facts.nodes.keys()])}`;
}

function podPlace(namespace: string, name: string, port: string | null, facts: NamedFacts): Place | string {
  const key = objectKey(namespace, name);
  const pod = facts.pods.get(key);
  if (pod === undefined) return `there is no Pod ${key}${among(siblings(facts.pods, namespace))}`;
  if (pod.ips.length === 0) return `Pod ${key} has no address (yet)`;
  return { name: `Pod ${key}`, addresses: pod.ips, port, service: null };
}

function servicePlace(
  namespace: string,
  name: string,
  port: string | null,
  facts: NamedFacts,
): Place | string {
  const key = objectKey(namespace, name);
  const service = facts.services.get(key);
  if (service === undefined) return `there is no Service ${key}${among(siblings(facts.services, namespace))}`;
  if (service.clusterIPs.length === 0) {
    return `Service ${key} has no ClusterIP${service.notOurs === null ? '' : ` (${formatNotOurs(service.notOurs)})`}: ask for one of its Pods`;
  }
  return { name: `Service ${key}`, addresses: service.clusterIPs, port, service };
}

function siblings(objects: ReadonlyMap<string, unknown>, namespace: string): string[] {
  return [...objects.keys()].filter((key) => key.startsWith(`${namespace}/`));
}

function among(names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = [...names].sort().slice(0, NAMES_SHOWN).join(', ');
  return `; there ${names.length === 1 ? 'is' : 'are'} ${shown}${names.length > NAMES_SHOWN ? ', …' : ''}`;
}
