import type { PacketQuestion } from '../forms/questions.ts';
import type { NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress, parseAddress } from '../net/address.ts';
import { endpointText } from '../plan/canonical.ts';
import type { Endpoint } from '../plan/entry.ts';
import { findPlace, type NamedFacts } from './place.ts';
import type { PacketState } from './step.ts';
import type { Walk, WalkVerdict } from './walk.ts';

export interface Expectation extends PacketQuestion {
  /** Shown as its name; absent: the packet itself. */
  readonly name?: string | undefined;
  /**
   * The node that sees the packet; absent: that of the sending Pod or Node, otherwise that of the file or the command.
   */
  readonly node?: string | undefined;
  readonly verdict?: WalkVerdict | undefined;
  /** The source that the destination sees: an address, `node/NAME`, `node` for this node's, `same` for the sender's. */
  readonly as?: string | undefined;
  /** Exactly the destinations that may be chosen: places as `findPlace` reads them, with or without port. */
  readonly reaches?: readonly string[] | undefined;
}

export interface Mismatch {
  readonly field: 'verdict' | 'as' | 'reaches';
  readonly expected: string;
  readonly actual: string;
}

export interface ExpectationResult {
  readonly mismatches: readonly Mismatch[];
  /** Facts that the plan cannot know, since routing decides them. */
  readonly notes: readonly string[];
}

export interface Fate extends Pick<Walk, 'packet' | 'verdict'> {
  readonly paths: readonly { readonly endpoint: Endpoint; readonly after: Pick<PacketState, 'source'> }[];
}

export type JudgedFacts = NamedFacts & { readonly node: NodeFacts };

/** Returns a text if the expectation itself is invalid. */
export function judge(expectation: Expectation, walk: Fate, facts: JudgedFacts): ExpectationResult | string {
  const mismatches: Mismatch[] = [];
  const notes: string[] = [];
  const { verdict, as, reaches } = expectation;
  if (verdict !== undefined && verdict !== walk.verdict) {
    mismatches.push({ field: 'verdict', expected: verdict, actual: walk.verdict });
  }
  if (as !== undefined) {
    const wanted = sourcesOf(as, walk, facts);
    if (typeof wanted === 'string') return `as: ${wanted}`;
    const actual = seenSources(walk);
    const isMet = walk.paths.length > 0 && walk.paths.every((path) => wanted.meets(path.after.source));
    if (!isMet) mismatches.push({ field: 'as', expected: as, actual: actual.join(', ') || ended(walk) });
    else if (wanted.note !== null) notes.push(wanted.note);
  }
  if (reaches !== undefined) {
    const wanted = placesOf(reaches, walk, facts);
    if (typeof wanted === 'string') return `reaches: ${wanted}`;
    const mismatch = compareDestinations(reaches, wanted, walk);
    if (mismatch !== null) mismatches.push(mismatch);
  }
  return { mismatches, notes };
}

function ended({ verdict }: Fate): string {
  return verdict === 'reject' ? 'nobody: refused' : 'nobody: dropped';
}

function seenSources({ paths }: Fate): string[] {
  return [...new Set(paths.map(({ after }) => after.source))].sort();
}

interface WantedSource {
  meets(source: IpAddress | 'node'): boolean;
  readonly note: string | null;
}

function sourcesOf(text: string, walk: Fate, { node, nodes }: JudgedFacts): WantedSource | string {
  const family = familyOf(walk.packet.destination);
  const own = node.localAddresses.map(({ address }) => address).filter((each) => familyOf(each) === family);
  const isOwn = (source: IpAddress | 'node') => source === 'node' || own.includes(source);
  if (text === 'same') return { meets: (source) => source === walk.packet.source, note: null };
  if (text === 'node') return { meets: isOwn, note: null };
  const address = parseAddress(text);
  if (address !== null) {
    if (familyOf(address) !== family) return `${text} is of another IP family than the packet`;
    const others = own.filter((each) => each !== address);
    const isMasquerade = walk.paths.some(({ after }) => after.source === 'node');
    return {
      meets: (source) => source === address || (source === 'node' && own.includes(address)),
      note:
        isMasquerade && others.length > 0
          ? `the node also has ${others.slice(0, 3).join(', ')}${others.length > 3 ? ', …' : ''}: routing decides which one is used`
          : null,
    };
  }
  const name = /^node\/(.+)$/.exec(text)?.[1];
  if (name === undefined) return `"${text}" is neither an address nor same, node or node/NAME`;
  if (name === node.nodeName) return { meets: isOwn, note: null };
  const other = nodes.get(name);
  if (other === undefined) return `there is no Node ${name}`;
  const theirs = new Set<string>(other.addresses.map((each) => each.address));
  return { meets: (source) => theirs.has(source), note: null };
}

/** An expected destination; port null: any. */
interface WantedPlace {
  readonly text: string;
  readonly address: IpAddress;
  readonly port: number | null;
}

function placesOf(texts: readonly string[], walk: Fate, facts: NamedFacts): WantedPlace[] | string {
  const family = familyOf(walk.packet.destination);
  const wanted: WantedPlace[] = [];
  for (const text of texts) {
    const place = findPlace(text, facts);
    if (typeof place === 'string') return place;
    const address = place.addresses.find((each) => familyOf(each) === family);
    if (address === undefined) return `${place.name} has no address of the packet's IP family`;
    const port = place.port === null ? null : Number(place.port);
    if (port !== null && !Number.isInteger(port)) return `"${text}": the port is no number`;
    wanted.push({ text, address, port });
  }
  return wanted;
}

function compareDestinations(
  texts: readonly string[],
  wanted: readonly WantedPlace[],
  walk: Fate,
): Mismatch | null {
  const actual = walk.paths.map(({ endpoint }) => endpoint);
  const fits = (place: WantedPlace, endpoint: (typeof actual)[number]) =>
    place.address === endpoint.address && (place.port === null || place.port === endpoint.port);
  const missing = wanted.filter((place) => !actual.some((endpoint) => fits(place, endpoint)));
  const extra = actual.filter((endpoint) => !wanted.some((place) => fits(place, endpoint)));
  if (missing.length === 0 && extra.length === 0) return null;
  const reached = actual.map(endpointText).sort();
  return {
    field: 'reaches',
    expected: texts.join(', ') || 'nobody',
    actual: reached.join(', ') || ended(walk),
  };
}
