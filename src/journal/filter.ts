import type { HistoryEntry } from '../forms/journal.ts';
import type { FactKind } from '../model/facts.ts';
import type { IpAddress } from '../net/address.ts';
import type { NotedEvent } from './lines.ts';
import type { Difference } from './state.ts';

/** Which entries are asked for. */
export interface HistoryFilter {
  /** `shop/web` or `Service shop/web`. */
  readonly object: string | null;
  readonly address: { readonly address: IpAddress; readonly port: number | null } | null;
}

/** Decides which changes may be asked for, before it is known what they did. */
export class Candidates {
  readonly #filter: HistoryFilter;
  /** Services that have the address, or its port as a node port. */
  readonly #services = new Set<string>();

  constructor(filter: HistoryFilter) {
    this.#filter = filter;
  }

  /** Every fact, when it is read. */
  note(kind: FactKind | null, key: string, fact: unknown): void {
    if (this.#filter.address !== null && kind === 'Service' && this.#mentions(fact)) this.#services.add(key);
  }

  has({ kind, key, before, after }: Difference): boolean {
    const { object, address } = this.#filter;
    if (object !== null)
      return isObject(object, kind, key) || isObject(object, 'Service', serviceOf(kind, before ?? after));
    if (address === null) return true;
    if (kind === null || this.#services.has(key) || this.#services.has(serviceOf(kind, before ?? after)))
      return true;
    // Pools, rules and Nodes decide about addresses that they do not name.
    return (
      !['Service', 'EndpointSlice', 'Pod'].includes(kind) || this.#mentions(before) || this.#mentions(after)
    );
  }

  hasEvent({ object }: NotedEvent): boolean {
    const { object: asked, address } = this.#filter;
    if (asked === null) return address === null;
    return object !== null && isObject(asked, object.kind, nameOf(object));
  }

  #mentions(fact: unknown): boolean {
    const { address } = this.#filter;
    if (address === null || fact === null) return false;
    const text = JSON.stringify(fact);
    return (
      text.includes(`"${address.address}"`) ||
      (address.port !== null && text.includes(`Port":${address.port}`))
    );
  }
}

/** Whether the entry is about the address, now that it is known what the change did. */
export function isAbout({ address: asked }: HistoryFilter, { changes, effects }: HistoryEntry): boolean {
  if (asked === null) return true;
  const { address, port } = asked;
  const name = address.includes(':') ? `[${address}]` : address;
  const tuple = port === null ? name : `${name}:${port}/`;
  if (effects.some(({ key }) => key.includes(tuple))) return true;
  const told = JSON.stringify([changes, effects]);
  return told.includes(port === null ? address : `${name}:${port}`);
}

function isObject(asked: string, kind: FactKind | null, key: string): boolean {
  if (kind === null || key === '') return asked === key;
  const wanted = asked.toLowerCase();
  return (
    wanted === key.toLowerCase() ||
    wanted.replace('/', ' ') === `${kind} ${key}`.toLowerCase() ||
    wanted === `${kind} ${key}`.toLowerCase()
  );
}

/** The Service of a slice; empty for others. */
function serviceOf(kind: FactKind | null, fact: unknown): string {
  if (kind !== 'EndpointSlice') return '';
  const { namespace, serviceName } = fact as { readonly namespace: string; readonly serviceName: string };
  return `${namespace}/${serviceName}`;
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
