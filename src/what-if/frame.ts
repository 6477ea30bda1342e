import type { IpAddress } from '../net/address.ts';
import type { Endpoint } from '../plan/entry.ts';
import type { Both } from './sides.ts';

/** The lists of endpoints of a frontend. */
export type EndpointList = 'endpoints' | 'localEndpoints';

/** What outcomes name of one Service. Services of one shape differ in nothing else, so one walk answers for all of them. */
export interface Frame {
  /** The objects at the dialled address, in words. */
  readonly owners: readonly string[];
  /** The addresses of the endpoints on both sides, in the order of the lists. */
  readonly addresses: readonly IpAddress[];
  readonly lists: Both<Readonly<Record<EndpointList, readonly Endpoint[] | null>>>;
  /** Equal for equal names. */
  readonly text: string;
}

const NO_LISTS = { endpoints: null, localEndpoints: null };

/** For packets to no Service and no binding. @param owner the Service whose address it is, on one side or both */
export function frameOfAddress(owner: string | null): Frame {
  const owners = owner === null ? [] : [owner];
  return {
    owners,
    addresses: [],
    lists: { before: NO_LISTS, after: NO_LISTS },
    text: JSON.stringify(owners),
  };
}

/** A part of a sentence: a text, an object by its place in `owners`, or endpoints by their places in `addresses`. */
export type Piece = string | { readonly owner: number } | { readonly endpoints: readonly number[] };

export function ownerPiece({ owners }: Frame, name: string): Piece {
  const owner = owners.indexOf(name);
  return owner === -1 ? name : { owner };
}

export function endpointsPiece({ addresses }: Frame, named: readonly IpAddress[]): Piece {
  const places = new Map(addresses.map((address, place) => [address, place]));
  const endpoints = named.map((address) => places.get(address) ?? -1);
  return endpoints.includes(-1) ? named.join(', ') : { endpoints };
}

export function pieceText(piece: Piece, { owners, addresses }: Frame): string {
  if (typeof piece === 'string') return piece;
  if ('owner' in piece) return owners[piece.owner] as string;
  return piece.endpoints.map((index) => addresses[index]).join(', ');
}
