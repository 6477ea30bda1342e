import type { PacketQuestion } from '../forms/questions.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { type Port, parsePort } from '../net/port.ts';
import { findPlace, type NamedFacts, type Place } from './place.ts';

/** The two ends of a packet, of one IP family. */
export interface EndPair {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** @param field the term of the question, for the text of an error */
export function findEnd(field: string, text: string | undefined, facts: NamedFacts): Place | string {
  if (text === undefined || text === '')
    return `${field} is missing: a packet has a sender and a destination`;
  const place = findPlace(text, facts);
  return typeof place === 'string' ? `${field}: ${place}` : place;
}

/** The first destination for which the sender has an address of the same family, or a text. */
export function pairOf(
  from: Place,
  to: Place,
  { family: wanted }: Pick<PacketQuestion, 'family'>,
): EndPair | string {
  const family = wanted === undefined ? null : readFamily(wanted);
  if (wanted !== undefined && family === null) return `family: "${wanted}" is neither ipv4 nor ipv6`;
  for (const destination of to.addresses) {
    if (family !== null && familyOf(destination) !== family) continue;
    const source = from.addresses.find((address) => familyOf(address) === familyOf(destination));
    if (source !== undefined) return { source, destination };
  }
  if (family !== null) return `family: ${from.name} and ${to.name} do not both have an ${family} address`;
  return `to: ${to.name} has no address of the IP family of ${from.name}: ${to.addresses.join(', ')} and ${from.addresses.join(', ')}`;
}

function readFamily(text: string): Family | null {
  return FAMILIES.find((family) => family.toLowerCase() === text.toLowerCase()) ?? null;
}

export function readPort(text: string): Port | null {
  return /^\d{1,5}$/.test(text) ? parsePort(Number(text)) : null;
}
