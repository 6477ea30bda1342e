import { fateOf } from '../explain/answer.ts';
import type { Packet } from '../explain/packet.ts';
import { type Unknown, type Walk, walk } from '../explain/walk.ts';
import type { PacketFate } from '../forms/walk.ts';
import { endpointText } from '../plan/canonical.ts';
import { type Cause, type CauseForm, CauseIn, causeOf } from './cause.ts';
import type { Comparison } from './comparison.ts';
import type { EndpointList, Frame, Piece } from './frame.ts';
import { type Both, SIDES } from './sides.ts';

/** What becomes of the packets of a class on both sides; the same object for the same content. */
export interface Outcome extends Both<PacketFate> {
  readonly because: Both<Cause>;
  /** The endpoints' ports follow the packet's port: `before` and `after` are those of the first port. */
  readonly shifts: Both<boolean>;
  /** Equal for equal outcomes of one search. */
  readonly key: number;
  /** What Services of one shape share of it. */
  readonly form: OutcomeForm;
}

/** An outcome for all Services of one shape. */
export interface OutcomeForm extends Both<FateForm> {
  readonly because: Both<CauseForm>;
  readonly shifts: Both<boolean>;
  /** What is not known about any of the packets; complete when the search is over. */
  readonly unknown: ReadonlySet<Unknown>;
  /** Equal for equal forms of one search. */
  readonly number: number;
  /** Whether it is the same for all Services. */
  readonly namesNone: boolean;
}

/** A list of endpoints is that of the frontend on this side. */
interface FateForm extends Omit<PacketFate, 'endpoints'> {
  readonly endpoints: readonly string[] | EndpointList;
}

const NEVER: Both<boolean> = { before: false, after: false };

/** Answers for one packet, as `explain` does, on both sides. */
export class Outcomes {
  readonly #comparison: Comparison;
  readonly #forms = new Map<string, OutcomeForm & { readonly unknown: Set<Unknown> }>();
  readonly #frames = new Map<string, number>();
  readonly #known = new Map<string, Outcome>();

  constructor(comparison: Comparison) {
    this.#comparison = comparison;
  }

  /**
   * Null: the packet's fate is the same.
   * @param frame what the form leaves open
   * @param ranges whether a range of ports leads to as many ports of a pod
   */
  formOf(packet: Packet, frame: Frame, ranges: Both<boolean> = NEVER): OutcomeForm | null {
    const before = this.#walk('before', packet);
    const after = this.#walk('after', packet);
    // A packet that a rule about sources drops has no endpoint.
    const shifts = {
      before: ranges.before && before.verdict === 'dnat',
      after: ranges.after && after.verdict === 'dnat',
    };
    if (shifts.before === shifts.after && isAlike(before, after)) return null;
    const fates = { before: fateOf(before), after: fateOf(after) };
    if (shifts.before === shifts.after && fateKey(fates.before) === fateKey(fates.after)) return null;
    const form = {
      before: fateForm(fates.before, before, frame.lists.before),
      after: fateForm(fates.after, after, frame.lists.after),
      because: { before: causeOf(before, frame), after: causeOf(after, frame) },
      shifts,
    };
    // The fates of a range of ports are those of its first port.
    const text = JSON.stringify([form, shifts.before || shifts.after ? packet.port : null]);
    let known = this.#forms.get(text);
    if (known === undefined) {
      const unknown = new Set<Unknown>();
      known = { ...form, unknown, number: this.#forms.size, namesNone: namesNone(form) };
      this.#forms.set(text, known);
    }
    for (const one of [...before.unknown, ...after.unknown]) known.unknown.add(one);
    return known;
  }

  /** The outcome for one Service of the form's shape. */
  in(form: OutcomeForm, frame: Frame): Outcome {
    const key = form.namesNone ? `${form.number}` : `${form.number} ${this.#numberOf(frame)}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      const { before, after, because, shifts } = form;
      known = {
        before: fateIn(before, frame, 'before'),
        after: fateIn(after, frame, 'after'),
        because: { before: new CauseIn(because.before, frame), after: new CauseIn(because.after, frame) },
        shifts,
        key: this.#known.size,
        form,
      };
      this.#known.set(key, known);
    }
    return known;
  }

  #numberOf({ text }: Frame): number {
    const known = this.#frames.get(text);
    if (known !== undefined) return known;
    this.#frames.set(text, this.#frames.size);
    return this.#frames.size - 1;
  }

  #walk(side: keyof Both<unknown>, packet: Packet): Walk {
    const { plan, node } = this.#comparison[side];
    return walk(plan, node, packet);
  }
}

/** Equal for equal fates. Addresses and ports have no spaces. */
function fateKey({ verdict, endpoints, masq, snat }: PacketFate): string {
  return `${verdict} ${masq} ${snat} ${endpoints.join(' ')}`;
}

function fateForm(fate: PacketFate, { paths }: Walk, lists: Frame['lists']['before']): FateForm {
  if (fate.verdict !== 'dnat') return fate;
  const isList = (name: EndpointList) =>
    lists[name]?.length === paths.length &&
    paths.every(({ endpoint }, index) => endpoint === lists[name]?.[index]);
  if (isList('endpoints')) return { ...fate, endpoints: 'endpoints' };
  return isList('localEndpoints') ? { ...fate, endpoints: 'localEndpoints' } : fate;
}

const sortedTexts = new WeakMap<object, readonly string[]>();

function fateIn(form: FateForm, { lists }: Frame, side: keyof Both<unknown>): PacketFate {
  const { endpoints: named } = form;
  if (typeof named !== 'string') return { ...form, endpoints: [...named] };
  const list = lists[side][named] ?? [];
  let endpoints = sortedTexts.get(list);
  if (endpoints === undefined) {
    endpoints = list.map(endpointText).sort();
    sortedTexts.set(list, endpoints);
  }
  const { verdict, masq, snat } = form;
  return { verdict, endpoints: endpoints as string[], masq, snat };
}

function namesNone({ before, after, because }: Pick<OutcomeForm, 'before' | 'after' | 'because'>): boolean {
  const isText = (piece: Piece | null) => piece === null || typeof piece === 'string';
  return (
    [before, after].every(({ endpoints }) => typeof endpoints !== 'string') &&
    SIDES.every((side) => {
      const { pieces, destination, source } = because[side];
      return [...pieces, destination, source].every(isText);
    })
  );
}

/** A cheap look at what makes up a fate; false may mean that they are alike nevertheless. */
function isAlike(a: Walk, b: Walk): boolean {
  return (
    a.verdict === b.verdict &&
    a.paths.length === b.paths.length &&
    a.paths.every((path, index) => {
      const other = b.paths[index];
      return (
        other !== undefined &&
        path.snat === other.snat &&
        (a.verdict !== 'dnat' ||
          (path.endpoint.port === other.endpoint.port && path.endpoint.address === other.endpoint.address))
      );
    })
  );
}
