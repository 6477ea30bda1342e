import { parseFlow } from '../../src/explain/packet.ts';
import { formatEndpoint } from '../../src/net/address.ts';
import { type Awaited, type Observed, observe, type SourceSeen } from '../netns/observe.ts';
import { allSettled, type Dialled, type Stage, type Target } from '../netns/stage.ts';
import { endpointOf } from './endpoint-text.ts';
import { type Failure, failureOf, type Outcome } from './outcome.ts';
import { type ConformanceRecord, listenersOf, nodeOf, planOf, type RecordedFlow } from './records.ts';

/**
 * The flows of a record that real packets answer differently.
 *
 * Every dialled address has a listener, in the node where it is one of the node's: so `none` is an
 * answer by the dialled address, and `drop` and `reject` cannot be mistaken for an unused address.
 */
export async function failuresOfKernel(stage: Stage, record: ConformanceRecord): Promise<Failure[]> {
  const { nodeIPs, localAddresses } = nodeOf(record);
  const flows = record.flows.map((recorded) => ({ recorded, dialled: dialledOf(recorded) }));
  await stage.setUp({
    nodeAddresses: [...new Set([...nodeIPs, ...localAddresses.map(({ address }) => address)])],
    sources: flows.map(({ dialled }) => dialled.source),
    targets: [
      ...flows.map(({ dialled }) => dialled),
      ...flows.flatMap(endpointTargets),
      ...listenersOf(record),
    ],
  });
  await stage.datapath.converge(planOf(record), new AbortController().signal);
  const failures = await allSettled(
    flows.map(async ({ recorded, dialled }) => {
      const observed = await observe(stage, dialled, awaitedOf(recorded));
      return failureOf(record.id, recorded, outcomeOf(observed, recorded));
    }),
  );
  return failures.filter((failure) => failure !== null);
}

function dialledOf(recorded: RecordedFlow): Dialled {
  const flow = parseFlow(recorded);
  if (typeof flow === 'string') throw new TypeError(`${recorded.name}: ${flow}`);
  const { source, destination: address, protocol, port } = flow;
  return { source, address, protocol, port };
}

function endpointTargets({ recorded, dialled }: { recorded: RecordedFlow; dialled: Dialled }): Target[] {
  return recorded.endpoints.map((text) => ({ ...endpointOf(text), protocol: dialled.protocol }));
}

function awaitedOf(flow: RecordedFlow): Awaited {
  switch (flow.verdict) {
    case 'dnat':
      return { kind: 'answers', from: new Set(flow.endpoints.map(canonical)), everybody: true };
    case 'none':
      return { kind: 'answers', from: new Set([dialledText(flow)]), everybody: true };
    case 'reject':
      return { kind: 'refusal' };
    case 'drop':
      return { kind: 'silence' };
  }
}

/** The source counts as masqueraded when it is so on the way to one of the endpoints, as with `explain`. */
function outcomeOf(observed: Observed, flow: RecordedFlow): Outcome {
  const { refused, silent, unreachable, answers } = observed;
  const endpoints = [...answers.keys()];
  const masq = [...answers.values()].some(isRewritten);
  const verdicts = [
    ...(refused > 0 ? ['reject'] : []),
    ...(silent > 0 ? ['drop'] : []),
    ...unreachable,
    ...(answers.size > 0 ? [answerVerdict(endpoints, flow, masq)] : []),
  ];
  return { verdict: verdicts.join(' and '), endpoints: endpoints.map(asRecorded(flow)), masq };
}

function answerVerdict(endpoints: readonly string[], flow: RecordedFlow, masq: boolean): string {
  const [first] = endpoints;
  const isUntranslated =
    endpoints.length === 1 && first === dialledText(flow) && !flow.endpoints.includes(first);
  return isUntranslated ? (masq ? 'snat' : 'none') : 'dnat';
}

/** Rarely a rewritten source keeps its port by chance, so the majority decides. */
function isRewritten({ kept, rewritten }: SourceSeen): boolean {
  return [...rewritten.values()].reduce((sum, count) => sum + count, 0) > kept;
}

function dialledText({ destIP, destPort }: RecordedFlow): string {
  return canonical(destIP.includes(':') ? `[${destIP}]:${destPort}` : `${destIP}:${destPort}`);
}

function canonical(endpoint: string): string {
  const { address, port } = endpointOf(endpoint);
  return formatEndpoint(address, port);
}

/** Endpoints as the record spells them, where it knows them. */
function asRecorded(flow: RecordedFlow): (endpoint: string) => string {
  return (endpoint) => flow.endpoints.find((text) => canonical(text) === endpoint) ?? endpoint;
}
