import { isAnswer } from '../explain/icmp.ts';
import { icmpType } from '../explain/icmp-types.ts';
import type { Packet } from '../explain/packet.ts';
import { packetOfQuestion } from '../explain/question.ts';
import type { TraceQuestion } from '../forms/questions.ts';
import type { TraceLine } from '../forms/trace.ts';
import { familyOf } from '../net/address.ts';
import { hasPorts, protocolNumber } from '../net/protocol.ts';
import { InvalidQuery, validQuery } from '../observe/invalid-query.ts';
import { type TraceAsked, TraceSession } from '../trace/session.ts';
import { TraceRunning } from '../trace/trace-running.ts';
import type { AgentFacts } from './companion.ts';
import { kernelJourney } from './other-rules.ts';

const COUNT = { most: 100, usual: 5 };
/** How long after its time a trace ends that nobody reads, in milliseconds. */
const UNREAD_MS = 2_000;
const SECONDS = { most: 600, usual: 30 };

interface Running {
  readonly session: TraceSession;
  /** As it was asked. */
  readonly question: string;
}

/** Packet traces for the API, one at a time. */
export class PacketTraces {
  readonly #agent: AgentFacts;
  #running: Running | null = null;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  /**
   * Tracing is on when this returns, and off when the lines end or the signal aborts. Throws InvalidQuery and
   * TraceRunning synchronously, and the errors of wire/errors.ts.
   */
  trace(question: TraceQuestion, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { planner, surroundings } = this.#agent;
    const asked = this.#asked(question);
    if (this.#running !== null) {
      const { session, question: other } = this.#running;
      throw new TraceRunning(`${other}; it ends in ${session.secondsLeft} s at the latest`);
    }
    const facts = {
      plan: planner.plan,
      node: () => planner.heldNode,
      journey: async (packet: Packet) =>
        await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' }).catch(() => null),
    };
    const session = new TraceSession(asked, facts, surroundings);
    const running = { session, question: `${question.from} → ${question.to}` };
    this.#running = running;
    const end = () => {
      clearTimeout(late);
      session.close();
      if (this.#running === running) this.#running = null;
    };
    // The lines are made as they are read: a client that does not read must not hold the trace.
    const late = setTimeout(end, asked.seconds * 1000 + UNREAD_MS).unref();
    signal.addEventListener('abort', end, { once: true });
    return bytesOf(session.lines(signal), end);
  }

  #asked(question: TraceQuestion): TraceAsked {
    const packet = validQuery(packetOfQuestion(question, this.#agent.planner));
    const { source, destination, protocol, port, sourcePort = null, icmp } = packet;
    const family = familyOf(destination);
    return {
      traced: {
        ...{ family, source, destination, protocol: protocolNumber[protocol], sourcePort },
        port: hasPorts(protocol) ? port : null,
        icmpType: icmp === undefined ? null : icmpType(icmp.kind, family),
        replies: question.replies === 'true',
      },
      packet: isAnswer(icmp) ? null : packet,
      count: numberOf('count', question.count, COUNT),
      seconds: numberOf('seconds', question.seconds, SECONDS),
      dropped: question.dropped === 'true',
    };
  }
}

async function* bytesOf(lines: AsyncIterable<TraceLine>, end: () => void): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  try {
    for await (const line of lines) yield encoder.encode(`${JSON.stringify(line)}\n`);
  } finally {
    end();
  }
}

function numberOf(
  name: string,
  text: string | undefined,
  { most, usual }: { readonly most: number; readonly usual: number },
): number {
  if (text === undefined) return usual;
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most)
    throw new InvalidQuery(`${name}: "${text}" is no number from 1 to ${most}`);
  return number;
}
