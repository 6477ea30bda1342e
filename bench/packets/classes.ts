import type { IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import { type BenchCluster, ENDPOINT_PORT, ip, NETWORKS, NODE_PORT, SERVICE } from '../cluster.ts';
import type { Ends } from './frames.ts';

/** Packets that the same rules handle. */
export interface PacketClass {
  readonly name: string;
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
  /** The first source address; others follow it. */
  readonly source: string;
  /** Destination on a node with rules. `spread`: this many addresses in turn, so that source ports do not run out. */
  readonly destination: IpAddress;
  readonly port: number;
  readonly spread: number;
  /** Destination on a node without rules, where the destination above would be the node itself. */
  readonly straight: IpAddress;
  /** Who answers the only flow of a class of established packets; null: every packet begins a connection. */
  readonly answers: { readonly address: IpAddress; readonly port: number } | null;
  /** Which ends a node with rules rewrites; the benchmark compares the connection table with it. */
  readonly translates: { readonly source: boolean; readonly destination: boolean };
}

/** Source ports: new connections use this many of one address, then those of the next; the established flow has one. */
const FIRST_PORT = 2000;
const PORTS = 50_000;
export const ESTABLISHED = 1999;

/** All classes of the cluster's family. */
export function classesOf({ family, services }: BenchCluster): PacketClass[] {
  const networks = NETWORKS[family];
  const pod = ip(networks.pod);
  const clusterIP = (service: number) => ({
    destination: ip(networks.clusterIP, service),
    straight: ip(networks.clusterIP, service),
    port: 80,
    translates: { source: false, destination: true },
  });
  const toPod: PacketClass = {
    name: 'pod to pod',
    family,
    protocol: 'tcp',
    source: networks.client,
    destination: pod,
    straight: pod,
    port: ENDPOINT_PORT,
    spread: 1,
    answers: null,
    translates: { source: false, destination: false },
  };
  const outside = ip(networks.outside);
  const udp: Partial<PacketClass> = { protocol: 'udp' };
  return [
    toPod,
    {
      ...toPod,
      name: 'pod to outside',
      destination: outside,
      straight: outside,
      port: 443,
      spread: 200,
      translates: { source: true, destination: false },
    },
    { ...toPod, name: 'ClusterIP', ...clusterIP(SERVICE.tcp) },
    { ...toPod, name: 'ClusterIP UDP', ...udp, ...clusterIP(SERVICE.udp) },
    { ...toPod, name: 'session affinity', ...clusterIP(SERVICE.affinity) },
    {
      ...toPod,
      name: 'NodePort',
      source: networks.visitor,
      destination: ip(networks.node),
      port: NODE_PORT,
      translates: { source: true, destination: true },
    },
    { ...toPod, name: 'established', ...udp, answers: { address: pod, port: ENDPOINT_PORT } },
    {
      ...toPod,
      name: 'established ClusterIP',
      ...udp,
      ...clusterIP(SERVICE.udp),
      answers: services[SERVICE.udp]?.endpoints[0] ?? null,
    },
  ];
}

/** The packet of a class with this serial number, to a node with rules or without. */
export function packetOf(each: PacketClass, serial: number, straight: boolean): Ends {
  const { protocol, source, port, spread, answers } = each;
  const destination = straight ? each.straight : each.destination;
  if (answers !== null) return { protocol, source: ip(source), sourcePort: ESTABLISHED, destination, port };
  return {
    protocol,
    source: ip(source, Math.floor(serial / PORTS)),
    sourcePort: FIRST_PORT + (serial % PORTS),
    destination: spread === 1 ? destination : ip(destination, serial % spread),
    port,
  };
}

/** The answer to the packet of an established flow. */
export function answerTo(each: PacketClass, sent: Ends, straight: boolean): Ends {
  const from = straight ? { address: sent.destination, port: sent.port } : each.answers;
  if (from === null) throw new Error(`${each.name} has no answer`);
  return {
    protocol: sent.protocol,
    source: from.address,
    sourcePort: from.port,
    destination: sent.source,
    port: sent.sourcePort,
  };
}
