import type { EndpointFact } from '../model/endpoint-slice.ts';
import { objectKey, refOf } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import { firstFew } from '../model/text.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { scopeOf } from '../plan/nat-plan.ts';
import type { Hint, HintFacts } from './hint.ts';
import { destinationHints } from './hints-destination.ts';
import { icmpHints } from './hints-icmp.ts';
import { isAnswer } from './icmp.ts';
import { isOwnAddress } from './own.ts';
import { isPortPacket } from './packet.ts';
import type { Step } from './step.ts';
import type { Walk } from './walk.ts';

const SHOWN = 5;

/** Reads all objects, so it is for a single question, not for thousands of packets. */
export function hintsOf(facts: HintFacts, walk: Walk): Hint[] {
  const ofDestination = isPortPacket(walk.packet) ? destinationHints(facts, walk) : icmpHints(facts, walk);
  return [...ofDestination, ...endpointHints(facts, walk), ...sourceHints(facts, walk)].slice(0, SHOWN);
}

/** Further items are only counted. */
const ITEMS_SHOWN = 3;

/** Why the matching frontend does not serve this packet. */
function endpointHints(facts: HintFacts, { packet, steps }: Walk): Hint[] {
  const step = steps.at(-1);
  if (step === undefined || step.object === null) return [];
  if (step.rule === 'source-ranges' && step.verdict === 'drop') {
    const text =
      step.allowed.length === 0
        ? 'allows no source of this family'
        : `allows ${firstFew(step.allowed, ITEMS_SHOWN)}`;
    return [{ about: 'source-ranges', object: step.object, text }];
  }
  if (step.rule !== 'service-frontend' || step.verdict === 'dnat') return [];
  return [{ about: 'endpoints', object: step.object, text: missingText(facts, step, packet) }];
}

function missingText(
  facts: HintFacts,
  step: Extract<Step, { rule: 'service-frontend' }>,
  { destination, protocol }: Walk['packet'],
): string {
  const family = familyOf(destination);
  const slices = facts.slicesOf(objectKey(step.object?.namespace ?? '', step.object?.name ?? ''));
  if (slices.length === 0) return 'it has no EndpointSlice: does its selector match any Pod?';
  const ofFamily = slices.filter((slice) => slice.family === family);
  if (ofFamily.every(({ endpoints }) => endpoints.length === 0)) {
    const others = slices.some(({ endpoints }) => endpoints.length > 0);
    return others
      ? `it has endpoints, but none of ${family}: do its Pods have ${family} addresses?`
      : 'its EndpointSlices are empty: does its selector match any Pod?';
  }
  const withPort = ofFamily.filter(({ ports }) =>
    ports.some((port) => port.name === step.portName && port.protocol === protocol),
  );
  if (withPort.length === 0) {
    const name = step.portName === '' ? 'unnamed port' : `port named ${step.portName}`;
    return `its EndpointSlices have no ${name} for ${protocol}: do its Pods have the targetPort?`;
  }
  const endpoints = withPort.flatMap((slice) => slice.endpoints);
  const usable = endpoints.filter(({ state }) => state.ready || state.serving);
  if (usable.length === 0) {
    const names = endpoints.map((one) => endpointName(facts, one));
    return `${counted(endpoints.length)}, and none is ready: ${firstFew(names, ITEMS_SHOWN)}`;
  }
  const places = usable.map(({ address, state: { nodeName } }) =>
    nodeName === null ? `${address} on an unknown node` : `${address} on ${nodeName}`,
  );
  const elsewhere = firstFew(places, ITEMS_SHOWN);
  if (step.verdict !== 'drop') return `${counted(usable.length)}, but none for this node: ${elsewhere}`;
  const unknown = scopeOf(facts.plan, family).pods.ranges.length === 0 ? '' : ' (pods reach them)';
  return `externalTrafficPolicy Local, and its endpoints are elsewhere: ${elsewhere}${unknown}`;
}

function counted(number: number): string {
  return number === 1 ? '1 endpoint' : `${number} endpoints`;
}

/** The Pod's name if known. Only the address links an endpoint to its Pod. */
function endpointName({ pods }: HintFacts, { address, state: { terminating } }: EndpointFact): string {
  const pod = podWith(pods, address);
  const name = pod === undefined ? address : `Pod ${objectKey(pod.namespace, pod.name)}`;
  return `${name}${terminating ? ' (terminating)' : ''}`;
}

function podWith(pods: HintFacts['pods'], address: IpAddress): PodFact | undefined {
  for (const pod of pods.values()) {
    if (!pod.hostNetwork && !pod.finished && pod.ips.includes(address)) return pod;
  }
  return undefined;
}

/** Why the source stays, or which of several pools does not decide. */
function sourceHints(facts: HintFacts, walk: Walk): Hint[] {
  const { packet, paths } = walk;
  if (paths.length === 0 || isAnswer(packet.icmp)) return [];
  const elsewhere = otherNode(facts, packet);
  if (elsewhere !== null) return [elsewhere];
  const rules = new Set(paths.flatMap(({ steps }) => steps.map(({ rule }) => rule)));
  if (rules.has('hairpin') || rules.has('pod-source')) return [];
  const destination = paths[0]?.endpoint.address ?? packet.destination;
  const isTranslated = paths.every(({ snat }) => snat !== null);
  if (isOwnAddress(facts.node, destination) || (walk.verdict === 'dnat' && isTranslated)) return [];
  return poolHints(facts, packet.source, destination, isTranslated);
}

/** The source is a pod of another node, which translates its packets. */
function otherNode({ pods, node }: HintFacts, { source }: Walk['packet']): Hint | null {
  const pod = podWith(pods, source);
  if (pod === undefined || pod.nodeName === '' || pod.nodeName === node.nodeName) return null;
  const text = `is on Node ${pod.nodeName}: that node translates its packets; ask the agent there`;
  return { about: 'other-node', object: refOf('Pod', pod), text };
}

function poolHints(
  { plan, enable }: HintFacts,
  source: IpAddress,
  destination: IpAddress,
  isTranslated: boolean,
): Hint[] {
  const scope = scopeOf(plan, familyOf(source));
  const around = scope.pools.filter(({ cidr }) => prefixContains(cidr, source));
  const hint = (pool: PoolFact, text: string): Hint => {
    return { about: 'pool', object: refOf('IPPool', pool), text };
  };
  const covers = ({ cidr }: PoolFact) => `${formatPrefix(cidr)} covers this source`;
  if (!enable.egress) {
    const asking = around.filter(({ natOutgoing }) => natOutgoing);
    return asking.map((pool): Hint => {
      const text = `${covers(pool)}, but Egress NAT is switched off (--enable)`;
      return { ...hint(pool, text), about: 'switched-off' };
    });
  }
  const hints = around.flatMap((pool) => {
    if (!pool.natOutgoing) {
      // If another pool decides, its step has named this one.
      return isTranslated ? [] : [hint(pool, `${covers(pool)}, but its natOutgoing is off`)];
    }
    if (pool.disabled) return [hint(pool, `${covers(pool)}; it is disabled, which changes nothing for NAT`)];
    return [];
  });
  for (const pool of scope.pools) {
    if (!pool.loadBalancerOnly || !prefixContains(pool.cidr, destination)) continue;
    const cidr = formatPrefix(pool.cidr);
    hints.push(
      hint(pool, `${cidr} covers the destination, but is only for load balancers and exempts nothing`),
    );
  }
  if (around.length === 0 && !isTranslated && setContains(scope.pods, source)) {
    const text = `${source} is a pod's address in no IPPool, so packets to the outside are not translated`;
    hints.push({ about: 'pool', object: null, text });
  }
  return hints;
}
