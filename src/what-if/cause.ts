import { groupPaths, type PathGroup } from '../explain/group.ts';
import { frontendReason, stepReason } from '../explain/reason.ts';
import type { SourceStep, Step } from '../explain/step.ts';
import type { Walk } from '../explain/walk.ts';
import { formatRef } from '../model/object.ts';
import { endpointsPiece, type Frame, ownerPiece, type Piece, pieceText } from './frame.ts';

/** Why the packets of a class have their fate. */
export interface Cause {
  /** One line that holds for every packet of the class: it names objects, and no address or port of one packet. */
  readonly text: string;
  /** The object that decides about the destination; null: none. */
  readonly destination: string | null;
  /** The object that decides about the source; null: none. */
  readonly source: string | null;
}

/** A cause for all Services of one shape. */
export interface CauseForm {
  readonly pieces: readonly Piece[];
  readonly destination: Piece | null;
  readonly source: Piece | null;
}

/** Its text is made when it is read: a large answer is made of such texts, and a summary has few of them. */
export class CauseIn implements Cause {
  readonly #form: CauseForm;
  readonly #frame: Frame;

  constructor(form: CauseForm, frame: Frame) {
    this.#form = form;
    this.#frame = frame;
  }

  get text(): string {
    let text = '';
    for (const piece of this.#form.pieces) text += pieceText(piece, this.#frame);
    return text;
  }

  get destination(): string | null {
    return this.#named(this.#form.destination);
  }

  get source(): string | null {
    return this.#named(this.#form.source);
  }

  #named(piece: Piece | null): string | null {
    return piece === null ? null : pieceText(piece, this.#frame);
  }
}

export function causeOf(walk: Walk, frame: Frame): CauseForm {
  const reasons: Piece[][] = [];
  const last = walk.steps.at(-1);
  const destination = last?.object == null ? null : formatRef(last.object);
  if (last !== undefined && walk.verdict !== 'snat') {
    reasons.push([...of(destination, frame), classReason(last)]);
  }
  let source: string | null = null;
  const groups = groupPaths(walk.paths);
  for (const group of groups) {
    const step = decisive(group.steps);
    if (step === undefined) continue;
    const object = step.object === null ? null : formatRef(step.object);
    source ??= object;
    const named = object === destination ? null : object;
    reasons.push([...to(group, groups, frame), ...of(named, frame), classReason(step)]);
  }
  return {
    pieces: reasons.flatMap((reason, index) => (index === 0 ? reason : ['; ', ...reason])),
    destination: destination === null ? null : ownerPiece(frame, destination),
    source: source === null ? null : ownerPiece(frame, source),
  };
}

function of(object: string | null, frame: Frame): Piece[] {
  return object === null ? [] : [ownerPiece(frame, object), ': '];
}

function to(group: PathGroup, groups: readonly PathGroup[], frame: Frame): Piece[] {
  if (groups.length === 1) return [];
  if (isHairpin(group)) return ['to itself: '];
  if (groups.some(isHairpin)) return [groups.length === 2 ? 'to others: ' : 'to some others: '];
  const addresses = group.paths.map(({ endpoint }) => endpoint.address);
  return ['to ', endpointsPiece(frame, addresses), ': '];
}

function isHairpin({ steps }: PathGroup): boolean {
  return steps.some(({ rule }) => rule === 'hairpin');
}

/** The step that rewrites the source, or the one that keeps it. */
function decisive(steps: readonly SourceStep[]): SourceStep | undefined {
  return (
    steps.find(({ verdict }) => verdict !== 'continue') ??
    steps.find((step) =>
      step.rule === 'egress-rule'
        ? step.role === 'decides'
        : ['egress-pool', 'local-delivery'].includes(step.rule),
    )
  );
}

/** As `stepReason`, without what only one packet has. */
function classReason(step: Step): string {
  switch (step.rule) {
    case 'source-ranges':
      return step.verdict === 'drop'
        ? 'the source is not in the allowed ranges: dropped'
        : 'the source is in the allowed ranges';
    case 'service-frontend': {
      const port = step.portName === '' ? '' : `, port ${step.portName}`;
      return `${step.origin}${port}: ${frontendReason(step)}`;
    }
    case 'pod-binding':
      return 'Pod NAT binding: sent to the pod';
    case 'unlisted-port':
      return 'a ClusterIP that does not have this port: refused';
    case 'unused-cluster-ip':
      return `in the service CIDR ${step.range}, but no Service has this address: dropped`;
    case 'host-listener':
      return 'no Service and no Pod NAT binding for this destination: it stays';
    case 'local-delivery':
      return 'the destination is an address of this node: the source stays';
    case 'pod-source':
      return `Pod NAT return address: the source becomes ${step.to}`;
    default:
      return stepReason(step);
  }
}
