import type { EndpointFact } from '../model/endpoint-slice.ts';
import { objectKey } from '../model/object.ts';
import { firstFew } from '../model/text.ts';
import { familyOf } from '../net/address.ts';
import { scopeOf } from '../plan/nat-plan.ts';
import type { Hint, HintFacts } from './hint.ts';
import type { Step } from './step.ts';
import type { Walk } from './walk.ts';

/** Further items are only counted. */
const SHOWN = 3;

/** Why the matching frontend does not serve this packet. */
export function endpointHints(facts: HintFacts, { packet, steps }: Walk): Hint[] {
  const step = steps.at(-1);
  if (step === undefined || step.object === null) return [];
  if (step.rule === 'source-ranges' && step.verdict === 'drop') {
    const text =
      step.allowed.length === 0
        ? 'allows no source of this family'
        : `allows ${firstFew(step.allowed, SHOWN)}`;
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
  const usable = endpoints.filter(({ ready, serving }) => ready || serving);
  if (usable.length === 0) {
    return `${counted(endpoints.length)}, and none is ready: ${firstFew(
      endpoints.map((one) => endpointName(facts, one)),
      SHOWN,
    )}`;
  }
  const places = usable.map(({ address, nodeName }) =>
    nodeName === null ? `${address} on an unknown node` : `${address} on ${nodeName}`,
  );
  const elsewhere = firstFew(places, SHOWN);
  if (step.verdict !== 'drop') return `${counted(usable.length)}, but none for this node: ${elsewhere}`;
  const unknown = scopeOf(facts.plan, family).pods.ranges.length === 0 ? '' : ' (pods reach them)';
  return `externalTrafficPolicy Local, and its endpoints are elsewhere: ${elsewhere}${unknown}`;
}

function counted(number: number): string {
  return number === 1 ? '1 endpoint' : `${number} endpoints`;
}

/** The Pod's name if known. Only the address links an endpoint to its Pod. */
function endpointName({ pods }: HintFacts, { address, terminating }: EndpointFact): string {
  for (const { namespace, name, ips, hostNetwork, finished } of pods.values()) {
    if (hostNetwork || finished || !ips.includes(address)) continue;
    return `Pod ${objectKey(namespace, name)}${terminating ? ' (terminating)' : ''}`;
  }
  return `${address}${terminating ? ' (terminating)' : ''}`;
}
