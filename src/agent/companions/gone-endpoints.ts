import { setImmediate as turn } from 'node:timers/promises';
import { Wake } from '../../base/wake.ts';
import type { FormerEnds, GoneSearch } from '../../datapath/conntrack/gone-flows.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import type { FactChange } from '../../model/facts.ts';
import { formatRef, type ObjectRef } from '../../model/object.ts';
import { firstFew } from '../../model/text.ts';
import type { IpAddress } from '../../net/address.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { protocolFromNumber, protocolNumber } from '../../net/protocol.ts';
import type { GoneEndpoints } from '../../plan/gone-endpoints.ts';
import type { AgentFacts, Companion, PlanInForce } from '../companion.ts';
import type { Found, FoundConnection } from '../gone/end-connections.ts';
import { GoneNotes } from '../gone/notes.ts';

/** Ends connections; see ConnectionEnder. */
export interface Ender {
  readonly silence: string | null;
  find(search: GoneSearch, signal: AbortSignal): Promise<Found>;
  end(
    found: readonly FoundConnection[],
    search: GoneSearch,
    signal: AbortSignal,
    ended: (some: readonly FoundConnection[]) => void,
  ): Promise<void>;
  tell(connections: readonly FoundConnection[]): void;
}

/** Milliseconds after which both ends are told once more: a packet may have been lost. */
const TELL_AGAIN = 1_000;
/** Connections that are told again in one turn of the event loop. */
const TOLD_AT_ONCE = 128;
/** Rest after a reading of the table, as a multiple of its duration, and its bounds in milliseconds. */
const REST = 4;
const LEAST_REST = 50;
const LONGEST_REST = 2_000;
const RETRY_AFTER = 5_000;
/** Owners that the log names. */
const NAMED = 5;

const CODE = 'KNAT_GONE_CONNECTIONS';

/**
 * Ends connections to endpoints that no slice lists any more, and to bindings of Pods that are gone, so that no client waits
 * for an answer that nobody gives. Reads the conntrack table beside the loop of NAT. docs/adr/0029-gone-endpoints.md.
 */
export class GoneEndpointCompanion implements Companion {
  readonly name = 'connections to gone endpoints';
  readonly #agent: AgentFacts;
  readonly #ender: Ender;
  readonly #notes: GoneNotes;
  readonly #wake: Wake;
  #delivered = 0;
  /** The last delivery that the attempt under way has, and the last whose plan is in force. */
  #attempted = 0;
  #inForce = 0;
  #isFormerUnknown = true;
  #former: FormerEnds | null = null;
  /** Connections that wait to be told again. */
  #toldAgain = 0;
  /** What could not be ended yet. */
  #left: GoneEndpoints = new Map();

  constructor(agent: AgentFacts, ender: Ender) {
    this.#agent = agent;
    this.#ender = ender;
    this.#notes = new GoneNotes(agent.planner);
    this.#wake = new Wake(agent.surroundings);
  }

  delivered(changes: readonly FactChange[]): void {
    this.#notes.delivered(changes, ++this.#delivered, this.#agent.surroundings.now());
  }

  converging(): void {
    this.#attempted = this.#delivered;
  }

  converged({ report }: PlanInForce): void {
    if (!report.isPartial) this.#inForce = this.#attempted;
    if (this.#isFormerUnknown && report.gone !== null) {
      this.#isFormerUnknown = false;
      this.#former = this.#formerEnds(report.gone);
    }
    if (this.#former !== null || this.#notes.nextDue !== null) this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { silence } = this.#ender;
    if (silence !== null) this.#agent.logger.warn({ why: silence }, SILENT);
    const { now, sleep } = this.#agent.surroundings;
    while (!signal.aborted) {
      const gone = this.#notes.take(now(), this.#inForce, this.#keyFacts());
      for (const [address, keys] of gone)
        this.#left.set(address, [...(this.#left.get(address) ?? []), ...keys]);
      if (this.#left.size === 0 && this.#former === null) {
        const { nextDue } = this.#notes;
        // What is due waits for its plan to be in force: `converged` notifies.
        const wait = nextDue === null || nextDue <= now() ? null : nextDue - now();
        await this.#wake.wait(wait, signal);
        continue;
      }
      const start = now();
      const isDone = await this.#attempt(signal);
      const rest = Math.min(Math.max(REST * (now() - start), LEAST_REST), LONGEST_REST);
      await sleep(isDone ? rest : RETRY_AFTER, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { planner, findings } = this.#agent;
    const search = { plan: planner.plan, slices: planner, gone: this.#left, former: this.#former };
    const ended: FoundConnection[] = [];
    try {
      const { connections, isAll } = await this.#ender.find(search, signal);
      await this.#ender.end(connections, search, signal, (some) => ended.push(...some));
      if (isAll) {
        this.#left = new Map();
        this.#former = null;
      }
      findings.trouble(CODE, null);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#agent.observations.metrics.increment('knat_gone_connection_failures_total', {});
      const why = error instanceof Error ? error.message : String(error);
      findings.trouble(CODE, `connections to endpoints that are gone are not ended yet: ${why}`);
      return false;
    } finally {
      if (ended.length > 0) this.#tell(ended, search, signal);
    }
  }

  #tell(ended: readonly FoundConnection[], search: GoneSearch, signal: AbortSignal): void {
    const { logger, observations, surroundings } = this.#agent;
    const sctp = ended.filter(({ entry }) => entry.protocol === protocolNumber.SCTP).length;
    for (const [protocol, count] of [
      ['TCP', ended.length - sctp],
      ['SCTP', sctp],
    ] as const) {
      observations.metrics.increment('knat_gone_connections_ended_total', { protocol }, count);
    }
    const endpoints = new Set(ended.map(({ entry }) => entry.reply.src));
    const dialled = new Map<string, FoundConnection>();
    for (const one of ended) {
      const { protocol, original } = one.entry;
      dialled.set(`${protocol} ${original.dst} ${original.dport}`, one);
    }
    const owners = new Map<string, ObjectRef>();
    for (const { entry } of dialled.values()) {
      const owner = ownerOf(entry, search);
      if (owner !== null) owners.set(formatRef(owner), owner);
    }
    const of = owners.size === 0 ? '' : ` of ${firstFew([...owners.keys()], NAMED)}`;
    const connections = ended.length === 1 ? '1 connection' : `${ended.length} connections`;
    const message = `${connections}${of} ended, since the endpoint is gone: ${firstFew([...endpoints], NAMED)}`;
    logger.info({ connections: ended.length, endpoints: endpoints.size }, message);
    const [owner = null] = owners.size === 1 ? owners.values() : [];
    const at = surroundings.wallClock().toISOString();
    observations.activity.add({ kind: 'connections-ended', severity: 'info', message, object: owner }, at);
    const room = limits['gone-told-again'].most - this.#toldAgain;
    limitReached('gone-told-again', ended.length - room);
    void this.#tellAgain(room < ended.length ? ended.slice(0, room) : ended, signal);
  }

  async #tellAgain(ended: readonly FoundConnection[], signal: AbortSignal): Promise<void> {
    this.#toldAgain += ended.length;
    await this.#agent.surroundings.sleep(TELL_AGAIN, signal);
    for (let at = 0; at < ended.length && !signal.aborted; at += TOLD_AT_ONCE) {
      if (at > 0) await turn();
      this.#ender.tell(ended.slice(at, at + TOLD_AT_ONCE));
    }
    this.#toldAgain -= ended.length;
  }

  #keyFacts() {
    const { planner, settings } = this.#agent;
    return { node: planner.heldNode, options: settings.plan };
  }

  #formerEnds(keys: ReadonlySet<string>): FormerEnds {
    const { planner } = this.#agent;
    const localAddresses = new Set(planner.node.localAddresses.map(({ address }) => address));
    return { keys, localAddresses, knownAddresses: () => knownAddresses(planner) };
  }
}

function knownAddresses({ pods, facts }: AgentFacts['planner']): Set<IpAddress> {
  const known = new Set<IpAddress>();
  for (const { finished, ips } of pods.values()) if (!finished) for (const ip of ips) known.add(ip);
  for (const { endpoints } of facts.of('EndpointSlice').values()) {
    for (const { address } of endpoints) known.add(address);
  }
  return known;
}

const SILENT =
  'without the capability NET_RAW, clients that only wait are not told that their endpoint is gone; those that send are';

/** The object of the frontend or binding; null: it is gone too. */
function ownerOf({ protocol, original }: FoundConnection['entry'], { plan }: GoneSearch): ObjectRef | null {
  const name = protocolFromNumber(protocol);
  const port: Port | null = parsePort(original.dport);
  if (name === null || port === null) return null;
  const entry = plan.entryAt({ address: original.dst, protocol: name, port });
  return entry !== undefined && 'owner' in entry ? entry.owner : null;
}
