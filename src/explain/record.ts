import { grouped } from '../base/collect.ts';
import { formatRef, objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import { compareText } from '../model/text.ts';
import { addressFromNumber, familyOf, formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixContains } from '../net/prefix.ts';
import type { AddressSet } from '../net/ranges.ts';
import type { PlanEntry, PodBinding, ServiceFrontend } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { Expectation } from './expectation.ts';
import type { WalkedNode } from './own.ts';
import type { NamedFacts } from './place.ts';
import { packetOfQuestion } from './question.ts';
import { type Walk, walk } from './walk.ts';

/** Senders that are no pods: addresses for documentation, RFC 5737 and RFC 3849. */
const OUTSIDE: Readonly<Record<Family, IpAddress>> = {
  IPv4: '198.51.100.9' as IpAddress,
  IPv6: '2001:db8:198::9' as IpAddress,
};
const OUTSIDE_PORT = 443;

/** A packet that is worth an expectation. */
interface Question {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly proto?: string;
  /** Whether the destinations are recorded: endpoints of Services come and go, those of bindings do not. */
  readonly isFixed?: true;
}

/**
 * Expectations that the plan meets: what is sent to Services and bindings from a pod and from the outside, and how pods
 * reach the outside. In an order that depends on the objects alone.
 */
export function recordedExpectations(plan: NatPlan, node: WalkedNode, facts: NamedFacts): Expectation[] {
  const entries = [...plan.entries()].sort((a, b) => compareText(a.key, b.key));
  const pods = podsHere(node, facts);
  return [...entries.flatMap((entry) => dialledQuestions(entry, pods)), ...podQuestions(plan, pods)].flatMap(
    (question) => expectationOf(question, plan, node, facts) ?? [],
  );
}

/** Pods with addresses of their own, by name. */
function podsHere({ nodeName }: WalkedNode, { pods }: NamedFacts): PodFact[] {
  return [...pods.values()]
    .filter((pod) => pod.nodeName === nodeName && !pod.hostNetwork && !pod.finished && pod.ips.length > 0)
    .sort((a, b) => compareText(podName(a), podName(b)));
}

function podName({ namespace, name }: PodFact): string {
  return `pod/${objectKey(namespace, name)}`;
}

function dialledQuestions(entry: PlanEntry, pods: readonly PodFact[]): Question[] {
  if (entry.kind !== 'ServiceFrontend' && entry.kind !== 'PodBinding') return [];
  const { address, port, protocol } = entry.tuple;
  const family = familyOf(address);
  const to = formatEndpoint(address, port);
  const proto = protocol.toLowerCase();
  const what = entryName(entry);
  const pod = pods.find(({ ips }) => ips.some((ip) => familyOf(ip) === family));
  const fromPod = pod === undefined ? [] : [{ name: `${what}, from a pod`, from: podName(pod), to, proto }];
  if (entry.kind === 'ServiceFrontend' && entry.origin === 'ClusterIP') return fromPod;
  const fixed = entry.kind === 'PodBinding' ? { isFixed: true as const } : {};
  const outside = { name: `${what}, from the outside`, from: OUTSIDE[family], to, proto, ...fixed };
  const allowed = entry.sourceRanges === null ? null : firstAddress(entry.sourceRanges);
  const inside =
    allowed === null ? [] : [{ ...outside, name: `${what}, from an allowed source`, from: allowed }];
  return [outside, ...inside, ...(entry.kind === 'ServiceFrontend' ? fromPod : [])];
}

function entryName(entry: ServiceFrontend | PodBinding): string {
  const owner = formatRef(entry.owner);
  if (entry.kind === 'PodBinding') return `${owner}: binding ${entry.key}`;
  return `${owner}: ${entry.origin} ${entry.key}`;
}

function firstAddress({ family, ranges }: AddressSet): IpAddress | null {
  const [range] = ranges;
  return range === undefined ? null : addressFromNumber(family, range.first);
}

/** Every pod with a binding or EgressRules, and one of each pool for the others. */
function podQuestions(plan: NatPlan, pods: readonly PodFact[]): Question[] {
  const own: PodFact[] = [];
  const others: PodFact[] = [];
  const bound = new Set<string>();
  for (const entry of plan.entries()) {
    if (entry.kind === 'PodSource') bound.add(entry.address);
    if (entry.kind === 'EgressSource' && entry.pod !== null)
      bound.add(addressFromNumber(entry.family, entry.range.first));
  }
  for (const pod of pods) (pod.ips.some((ip) => bound.has(ip)) ? own : others).push(pod);
  const pools = grouped(others, ({ ips }) => ips.map((ip) => poolOf(plan, ip)).join());
  const asked = [...own, ...[...pools.values()].flatMap(([first]) => first ?? [])];
  return asked.flatMap((pod) =>
    [...new Set(pod.ips.map(familyOf))].flatMap((family) => {
      const from = podName(pod);
      const to = formatEndpoint(OUTSIDE[family], OUTSIDE_PORT);
      const name = `Pod ${objectKey(pod.namespace, pod.name)}: to the outside, ${family}`;
      return [{ name, from, to }, ...ruleQuestions(plan, pod, family, from)];
    }),
  );
}

function poolOf(plan: NatPlan, address: IpAddress): string {
  const scope = plan.entry(`scope ${familyOf(address)}`);
  if (scope?.kind !== 'FamilyScope') return '';
  return scope.pools
    .filter(({ cidr }) => prefixContains(cidr, address))
    .map(({ name }) => name)
    .join(' ');
}

/** A packet to each destination that EgressRules for the pod name. */
function ruleQuestions(plan: NatPlan, pod: PodFact, family: Family, from: string): Question[] {
  const address = pod.ips.find((ip) => familyOf(ip) === family);
  const choices = (address === undefined ? undefined : plan.egressSource(address)?.choices) ?? [];
  return choices.flatMap(({ rule, to }) =>
    (to ?? []).flatMap(({ cidr, protocol, ports }) => ({
      name: `EgressRule ${rule}: Pod ${objectKey(pod.namespace, pod.name)} to ${cidr.address}/${cidr.length}`,
      from,
      to: formatEndpoint(cidr.address, ports?.first ?? OUTSIDE_PORT),
      ...(protocol === null ? {} : { proto: protocol.toLowerCase() }),
    })),
  );
}

/** Null for a packet that cannot be, such as one to port 0. */
function expectationOf(
  { name, from, to, proto, isFixed }: Question,
  plan: NatPlan,
  node: WalkedNode,
  facts: NamedFacts,
): Expectation | null {
  const asked = { from, to, ...(proto === undefined ? {} : { proto }) };
  const packet = packetOfQuestion(asked, facts);
  if (typeof packet === 'string') return null;
  const walked = walk(plan, node, packet);
  const as = sourceSeen(walked);
  const reaches = walked.paths.map(({ endpoint }) => formatEndpoint(endpoint.address, endpoint.port));
  return {
    name,
    node: node.nodeName,
    ...asked,
    verdict: walked.verdict,
    ...(as === null ? {} : { as }),
    ...(isFixed === true && walked.verdict === 'dnat' ? { reaches } : {}),
  };
}

/** Null if nobody gets the packet, or the endpoints see different sources. */
function sourceSeen({ paths }: Walk): string | null {
  const seen = new Set(paths.map(({ snat }) => snat ?? 'same'));
  const [only] = seen;
  return seen.size === 1 && only !== undefined ? only : null;
}
