import { firstReached } from '../../base/collect.ts';
import { isRecord } from '../../base/json.ts';
import type { EndpointFact } from '../../model/endpoint-slice.ts';
import { factKey } from '../objects/fact-object.ts';
import { KnownEndpoint } from '../objects/usual-endpoints.ts';

/** Shorter lines are read as quickly as they are compared. */
const LEAST_LINE = 4096;
/** Characters of all lines that are remembered, those of the slices that changed last: some hundred slices of 100 endpoints. */
const MOST_REMEMBERED = 4 << 20;

const MODIFIED = '{"type":"MODIFIED"';
const LIST = '"endpoints":[';
/** What comes behind the list, in the order in which API servers write the fields of a slice. */
const BEHIND = '],"ports":';
/** Where an endpoint ends and the next one begins. */
const NEXT = '},{"addresses":[';

/** The endpoints of a slice: `items` joined by commas are `text`, and item i begins at `starts[i]`. */
interface Listed {
  readonly text: string;
  readonly starts: Int32Array;
  /** Once it is remembered, KnownEndpoints alone. */
  readonly items: unknown[];
}

interface Remembered extends Listed {
  readonly addressType: unknown;
  readonly lineLength: number;
}

interface Read extends Remembered {
  readonly key: string;
  readonly object: Readonly<Record<string, unknown>>;
}

const NOTHING: Listed = { text: '', starts: new Int32Array(0), items: [] };

/**
 * Reads the events of large EndpointSlices. An event has all endpoints of its slice, mostly a hundred, of which one has changed: those whose
 * text is the same as in the event before are not read again. Every text that is read, and every list that is taken apart, is read as JSON;
 * a line in another form than that of API servers is read as a whole.
 */
export class EndpointTexts {
  /** By slice; the one that changed last is the last. */
  readonly #remembered = new Map<string, Remembered>();
  #length = 0;
  #read: Read | null = null;

  /** As `JSON.parse`, but in the list of endpoints there are KnownEndpoints. */
  parse(line: string): unknown {
    this.#read = null;
    return this.#parts(line) ?? JSON.parse(line);
  }

  /**
   * Remembers what became of the object that was parsed last.
   *
   * @param endpoints of its fact; null: it cannot be used
   */
  became(object: unknown, endpoints: readonly EndpointFact[] | null): void {
    const read = this.#read;
    this.#read = null;
    if (read === null || read.object !== object) return;
    const { key, text, starts, items, addressType, lineLength } = read;
    this.forget(key);
    // An endpoint that is left out has no fact.
    if (endpoints?.length !== items.length) return;
    for (let index = 0; index < items.length; index++) {
      if (items[index] instanceof KnownEndpoint) continue;
      items[index] = new KnownEndpoint(endpoints[index] as EndpointFact);
    }
    this.#remembered.set(key, { text, starts, items, addressType, lineLength });
    this.#length += lineLength;
    if (this.#length > MOST_REMEMBERED) this.#forgetOldest();
  }

  forget(key: string): void {
    this.#length -= this.#remembered.get(key)?.lineLength ?? 0;
    this.#remembered.delete(key);
  }

  #forgetOldest(): void {
    for (const oldest of this.#remembered.keys()) {
      if (this.#length <= MOST_REMEMBERED) return;
      this.forget(oldest);
    }
  }

  /** Null: it is to be read as a whole. */
  #parts(line: string): unknown {
    if (line.length < LEAST_LINE || !line.startsWith(MODIFIED)) return null;
    const start = line.indexOf(LIST) + LIST.length;
    const end = line.lastIndexOf(BEHIND);
    if (start < LIST.length || end <= start) return null;
    try {
      const event: unknown = JSON.parse(line.slice(0, start) + line.slice(end));
      // Were it another list that was cut out, that of the slice would not be empty.
      const object = isRecord(event) ? event.object : null;
      if (
        !isRecord(event) ||
        !isRecord(object) ||
        !Array.isArray(object.endpoints) ||
        object.endpoints.length > 0
      )
        return null;
      const key = factKey('EndpointSlice', object);
      const known = this.#remembered.get(key);
      const isSame = known !== undefined && known.addressType === object.addressType;
      const listed = listedIn(line.slice(start, end), isSame ? known : NOTHING);
      const whole = { ...object, endpoints: listed.items };
      const { addressType } = object;
      this.#read = { ...listed, key, addressType, object: whole, lineLength: line.length };
      return { ...event, object: whole };
    } catch {
      return null;
    }
  }
}

/**
 * Takes over the endpoints at both ends of the list that have the same text as before. What is between them is a list of JSON values,
 * and so are both ends, as they were before: together they are the list. Throws where that is not so.
 */
function listedIn(text: string, before: Listed): Listed {
  if (text === before.text) return before;
  const { starts, items } = before;
  const moved = text.length - before.text.length;
  const isOtherUpTo = (start: number) => text.slice(0, start) !== before.text.slice(0, start);
  const first = Math.max(firstReached(starts, isOtherUpTo) - 1, 0);
  const from = starts[first] ?? 0;
  const isSameFrom = (start: number) =>
    start >= from && start + moved >= from && text.slice(start + moved) === before.text.slice(start);
  const last = firstReached(starts, isSameFrom);
  const to = last < starts.length ? (starts[last] as number) + moved : text.length + 1;
  const between = to > from ? listOf(text.slice(from, to - 1)) : NOTHING;
  if (to > from && (between.items.length === 0 || (text[to - 1] ?? ',') !== ','))
    throw new SyntaxError('no list');
  const all = items.slice(0, first).concat(between.items, items.slice(last));
  const places = new Int32Array(all.length);
  const behind = first + between.items.length;
  places.set(starts.subarray(0, first));
  for (let index = first; index < behind; index++)
    places[index] = from + (between.starts[index - first] as number);
  for (let index = behind; index < all.length; index++) {
    places[index] = moved + (starts[index - behind + last] as number);
  }
  return { text, starts: places, items: all };
}

/** The JSON values of a list without its brackets. */
function listOf(text: string): Listed {
  const starts: number[] = [];
  const items: unknown[] = [];
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf(NEXT, start);
    const end = next < 0 ? text.length : next + 1;
    starts.push(start);
    items.push(JSON.parse(text.slice(start, end)));
    start = end + 1;
  }
  return { text, starts: Int32Array.from(starts), items };
}
