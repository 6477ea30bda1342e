import { TABLE } from '../datapath/nftables/skeleton.ts';
import type { Journey } from '../explain/others/journey.ts';
import type { WalkedNode } from '../explain/own.ts';
import type { Packet } from '../explain/packet.ts';
import type { Walk } from '../explain/walk.ts';
import { protocolName } from '../flows/protocol-names.ts';
import type { TraceEnds, TraceOutcome, TracePacket, TraceStep } from '../forms/trace.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { programNamed } from '../netfilter/program-names.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { TraceEvent } from '../wire/nftables/trace.ts';
import type { AssembledPacket, ChainRun } from './assembly.ts';
import { objectBehind } from './behind.ts';
import { differenceFrom, explainedBy, walkOf } from './beside.ts';
import { endText, type Header, readHeader } from './header.ts';
import { type RuleBook, verdictWords } from './rule-book.ts';

export interface TellingParts {
  readonly plan: NatPlan;
  readonly node: WalkedNode;
  readonly book: RuleBook;
  /** The name of the interface with this index. */
  nameOf(index: number): string;
  /** The way of a first packet through the kernel, as explain says it; null: it cannot be examined. */
  journey(packet: Packet): Promise<Journey | null>;
}

type Told = Omit<TracePacket, 'number' | 'at' | 'incomplete'>;

/** The packet as it is told; null where its headers cannot be read. */
export async function toldPacket(packet: AssembledPacket, parts: TellingParts): Promise<Told | null> {
  const before = packet.first === null ? null : readHeader(packet.first);
  if (before === null) return null;
  const after = (packet.last === null ? null : readHeader(packet.last)) ?? before;
  const { plan, node, book, nameOf } = parts;
  const input = packet.iif === null ? null : nameOf(packet.iif);
  const output = packet.oif === null ? null : nameOf(packet.oif);
  const walk = packet.isReply ? null : walkOf(plan, node, before, input);
  const steps = packet.runs.flatMap((run) => stepsOf(run, before, walk, parts));
  const outcome = outcomeOf(packet, steps, output);
  const isFirst = isFirstPacket(packet, book);
  const out = outcome.kind === 'left' ? output : null;
  // From here on the kernel is asked by explain alone: the trace may end meanwhile.
  const journey = walk === null || !isFirst ? null : await parts.journey(walk.packet);
  const differs =
    walk === null || !isFirst
      ? null
      : differenceFrom(walk, journey, { before, after, out, ...outcome }, node);
  const { connection } = packet;
  return {
    protocol: protocolName(before.protocol),
    details: before.details,
    length: before.length,
    isReply: packet.isReply,
    before: endsOf(before),
    after: endsOf(after),
    in: input,
    out,
    connection: connection && {
      state: connection.state,
      id: connection.id,
      direction: connection.direction,
    },
    steps,
    cut: packet.cut,
    outcome,
    explained: walk === null ? null : explainedBy(walk, journey),
    compared: walk !== null && isFirst,
    differs,
  };
}

function endsOf({ source, sourcePort, destination, port }: Header): TraceEnds {
  return { source: endText(source, sourcePort), destination: endText(destination, port) };
}

function stepsOf(run: ChainRun, original: Header, walk: Walk | null, parts: TellingParts): TraceStep[] {
  const { book, plan } = parts;
  const { hook } = book.base(run.chain);
  const now = (run.headers === null ? null : readHeader(run.headers)) ?? original;
  let latest: ObjectRef | null = null;
  return run.steps.map((event) => {
    const ours = isOurs(event);
    if (ours && event.type === 'rule') {
      const target = event.verdict.chain ?? null;
      const rule = book.rule(event);
      const found = objectBehind({ rule, chain: event.chain, target, now, original }, plan, walk);
      latest = found ?? latest;
    }
    // A rule without a lookup belongs to the object whose element led to it.
    const isDecision = event.type === 'rule' && event.verdict.code !== 'return';
    return {
      hook: hook ?? '',
      table: `${event.family} ${event.table}`,
      chain: event.chain,
      handle: event.handle === null ? null : Number(event.handle),
      rule: book.text(event),
      verdict: verdictWords(event.verdict),
      object: ours && isDecision && latest !== null ? formatRef(latest) : null,
      ours,
    };
  });
}

function isOurs({ family, table }: Pick<TraceEvent, 'family' | 'table'>): boolean {
  return (family === 'ip' || family === 'ip6') && (table === TABLE || table.startsWith(`${TABLE}_`));
}

/** Only the first packet of a connection passes nat chains; what explain says is about it. */
function isFirstPacket({ connection, runs }: AssembledPacket, book: RuleBook): boolean {
  if (connection !== null) return connection.state === 'new' || connection.state === 'untracked';
  return runs.some((run) => book.base(run.chain).type === 'nat');
}

function outcomeOf(
  { ending, hooks }: AssembledPacket,
  steps: readonly TraceStep[],
  output: string | null,
): TraceOutcome {
  const last = steps.at(-1);
  switch (ending.kind) {
    case 'left':
      return { kind: 'left', text: output === null ? 'left this node' : `left by ${output}`, object: null };
    case 'delivered':
      return { kind: 'delivered', text: 'given to this node itself', object: null };
    case 'handed over':
      return { kind: 'handed over', text: `handed to a program${placeOf(last)}`, object: null };
    case 'dropped': {
      const isReject = /\breject\b|-j REJECT/.test(last?.rule ?? '');
      const kind = isReject ? 'rejected' : 'dropped';
      return { kind, text: `${kind}${placeOf(last)}`, object: last?.object ?? null };
    }
    case 'gone':
      return {
        kind: 'gone',
        text: goneText(ending.behind, ending.complete, hooks.includes('forward')),
        object: null,
      };
    default:
      return ending satisfies never;
  }
}

/** ` by table ip filter, chain FORWARD: policy drop (Service shop/web)` */
function placeOf(step: TraceStep | undefined): string {
  if (step === undefined) return '';
  const owner = step.object ?? (step.ours ? null : programNamed(step.chain, `table ${step.table}`));
  const who = owner === null ? '' : ` (${owner})`;
  return ` by table ${step.table}, chain ${step.chain}: ${step.rule ?? `rule ${step.handle}, which is gone`}${who}`;
}

function goneText(hook: string, complete: boolean, forwarded: boolean): string {
  if (!complete)
    return `not seen after it entered ${hook}: something there that nf_tables cannot trace took it (rules of iptables-legacy, BPF, a bridge)`;
  if (hook === 'prerouting')
    return 'not seen after prerouting: routing dropped it (no route, rp_filter, forwarding is off, or its time to live ended)';
  if (hook === 'output') return 'not seen after output: there is no route for it';
  return forwarded ? 'not seen after forward: it was too large for the way on' : `not seen after ${hook}`;
}
