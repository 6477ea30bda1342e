import { familyOf, type IpAddress, parseAddress } from '../net/address.ts';
import { type Port, parsePort } from '../net/port.ts';
import { hasPorts, type PacketProtocol, type Protocol, parseProtocol } from '../net/protocol.ts';

import type { Icmp } from './icmp.ts';

/** The first packet of a new connection; with ICMP also an answer. */
export interface Packet {
  readonly source: IpAddress;
  /** Of the same family as the source. */
  readonly destination: IpAddress;
  readonly protocol: PacketProtocol;
  /** `NO_PORT` with ICMP. */
  readonly port: Port;
  /** Set with ICMP, and only then. */
  readonly icmp?: Icmp;
  /** The incoming interface, by which pods may be recognised; absent: not known, or sent by this node itself. */
  readonly inputInterface?: string;
  /** The outgoing interface; absent: not known, as without a kernel. */
  readonly outputInterface?: string;
  /** Only a port of a binding makes a difference; absent: not known. */
  readonly sourcePort?: Port;
}

/** A packet with ports. */
export type PortPacket = Packet & { readonly protocol: Protocol };

export function isPortPacket(packet: Packet): packet is PortPacket {
  return hasPorts(packet.protocol);
}

/**
 * Reads a flow of `knat explain --flows FILE` from plain JSON data; unknown keys are ignored, so that files with
 * expectations can be used unchanged. Returns the first error, starting with the field's name.
 */
export function parseFlow(value: unknown): PortPacket | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'a flow is an object';
  const { sourceIP, protocol, destIP, destPort, inputInterface } = value as Record<string, unknown>;
  const source = typeof sourceIP === 'string' ? parseAddress(sourceIP) : null;
  if (source === null) return `sourceIP: ${show(sourceIP)} is no IP address`;
  const destination = typeof destIP === 'string' ? parseAddress(destIP) : null;
  if (destination === null) return `destIP: ${show(destIP)} is no IP address`;
  if (familyOf(source) !== familyOf(destination)) {
    return `destIP: ${destination} is ${familyOf(destination)}, but sourceIP ${source} is ${familyOf(source)}`;
  }
  const known = typeof protocol === 'string' ? parseProtocol(protocol) : null;
  if (known === null) return `protocol: ${show(protocol)} is none of TCP, UDP, SCTP`;
  const port = typeof destPort === 'number' ? parsePort(destPort) : null;
  if (port === null) return `destPort: ${show(destPort)} is no port from 1 to 65535`;
  if (inputInterface !== undefined && typeof inputInterface !== 'string') {
    return `inputInterface: ${show(inputInterface)} is no name of an interface`;
  }
  const by = inputInterface === undefined ? {} : { inputInterface };
  return { source, destination, protocol: known, port, ...by };
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
