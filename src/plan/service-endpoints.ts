/** The endpoints of a Service's frontends: most changes of a cluster are changes of these alone. */
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ServiceFact } from '../model/service.ts';
import { familyOf } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';
import { EndpointChoice } from './endpoints.ts';
import type { Endpoint, FrontendOrigin, PlanEntry, ServiceFrontend } from './entry.ts';

const none: readonly Endpoint[] = Object.freeze([]);

type NamedPort = Pick<ServiceFact['ports'][number], 'name' | 'protocol'>;

/** The endpoints of a Service port, chosen for a family when they are first asked for. */
export class PortChoices<Port extends NamedPort = NamedPort> {
  readonly port: Port;
  readonly #slices: readonly EndpointSliceFact[];
  readonly #node: NodeFacts;
  readonly #byFamily: { [Of in Family]: EndpointChoice | null } = { IPv4: null, IPv6: null };

  constructor(slices: readonly EndpointSliceFact[], port: Port, node: NodeFacts) {
    this.port = port;
    this.#slices = slices;
    this.#node = node;
  }

  of(family: Family): EndpointChoice {
    const choice = this.#byFamily[family] ?? new EndpointChoice(this.#slices, this.port, family, this.#node);
    this.#byFamily[family] = choice;
    return choice;
  }

  made(family: Family): EndpointChoice | null {
    return this.#byFamily[family];
  }
}

type EndpointLists = Pick<ServiceFrontend, 'endpoints' | 'localEndpoints' | 'retained' | 'unserved'>;

/** The frontend has traffic policy Local. */
export function isLocalOnly(service: ServiceFact, origin: FrontendOrigin): boolean {
  const { internalTrafficPolicy, externalTrafficPolicy } = service;
  return (origin === 'ClusterIP' ? internalTrafficPolicy : externalTrafficPolicy) === 'Local';
}

/** What a frontend has of the endpoints of its port. */
export function listsOf(
  choice: EndpointChoice,
  origin: FrontendOrigin,
  protocol: Protocol,
  isLocal: boolean,
): EndpointLists {
  const internal = origin === 'ClusterIP';
  const endpoints = internal && isLocal ? choice.local : choice.cluster;
  const localEndpoints = !internal && isLocal ? choice.local : null;
  return {
    endpoints,
    localEndpoints,
    retained: protocol === 'UDP' ? retained(choice, endpoints, localEndpoints) : none,
    unserved: isLocal && choice.cluster.length > 0 ? 'drop' : 'reject',
  };
}

function retained(
  choice: EndpointChoice,
  endpoints: readonly Endpoint[],
  localEndpoints: readonly Endpoint[] | null,
): readonly Endpoint[] {
  const { serving } = choice;
  if (serving === endpoints) return none;
  const used = new Set([...endpoints, ...(localEndpoints ?? [])]);
  const others = serving.filter((endpoint) => !used.has(endpoint));
  return others.length === 0 ? none : others;
}

/**
 * The entries of a Service after a change of its slices alone, given those before.
 *
 * @returns null where more than lists may change: with limits of sources or of endpoints, and with health checks
 */
export function withEndpoints(
  before: readonly PlanEntry[],
  service: ServiceFact,
  slices: readonly EndpointSliceFact[],
  node: NodeFacts,
): readonly PlanEntry[] | null {
  const entries = before.slice();
  let choices: PortChoices | null = null;
  for (let index = 0; index < before.length; index++) {
    const entry = before[index] as PlanEntry;
    if (entry.kind === 'ClusterAddress') continue;
    if (entry.kind !== 'ServiceFrontend' || entry.sourceRanges !== null) return null;
    const { origin, portName: name, tuple } = entry;
    const { address, protocol } = tuple;
    // The frontends of a port lie together.
    if (!isOfPort(choices, name, protocol)) choices = new PortChoices(slices, { name, protocol }, node);
    const choice = choices.of(familyOf(address));
    if (choice.leftOut > 0) return null;
    const { endpoints, localEndpoints, retained, unserved } = listsOf(
      choice,
      origin,
      protocol,
      isLocalOnly(service, origin),
    );
    entries[index] = { ...entry, endpoints, localEndpoints, retained, unserved };
  }
  return entries;
}

function isOfPort(choices: PortChoices | null, name: string, protocol: Protocol): choices is PortChoices {
  return choices !== null && choices.port.name === name && choices.port.protocol === protocol;
}
