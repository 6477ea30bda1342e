/** A node with an agent that follows a folder, and connections through a Service whose endpoints come and go. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldReport } from '../../src/lab/probe-messages.ts';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import { protocolNumber } from '../../src/net/protocol.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { type Running, startKnat } from '../cli/knat.ts';
import { ip } from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';

/** Connections of each kind. Of this many, one of two endpoints gets none once in a million runs. */
const EACH = 20;
/** Milliseconds between two messages of a client that sends; the other sends one, and then waits. */
export const SENDS = 100;
export const WAITS = 3_600_000;
/** Below those that masquerading uses. */
const FIRST_PORT = 20_000;
export const FAMILIES = ['IPv4', 'IPv6'] as const;
export type TestFamily = (typeof FAMILIES)[number];

export const outside = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
export const pod = { IPv4: ip('10.244.1.9'), IPv6: ip('fd00:244:1::9') };
export const node = { IPv4: ip('203.0.113.1'), IPv6: ip('2001:db8:1::1') };
export const clusterIP = { IPv4: ip('10.96.0.10'), IPv6: ip('fd00:96::10') };
export const external = { IPv4: ip('203.0.113.80'), IPv6: ip('2001:db8:1::80') };
export const leaving = { IPv4: ip('10.244.1.1'), IPv6: ip('fd00:244:1::1') };
export const staying = { IPv4: ip('10.244.1.2'), IPv6: ip('fd00:244:1::2') };
const ENDPOINTS = [leaving, staying].flatMap((each) => Object.values(each));

export interface Held {
  readonly endpoint: string | undefined;
  release(): Promise<HoldReport>;
}

/** How an endpoint stands in a slice. */
export type Condition = 'ready' | 'draining' | 'unready' | 'absent';

const conditions = {
  ready: {},
  draining: { conditions: { ready: false, serving: false, terminating: true } },
  unready: { conditions: { ready: false } },
} as const;

export class GoneScene {
  readonly stage: Stage;
  readonly #folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  #agent: Running | null = null;

  static async build(): Promise<GoneScene> {
    return new GoneScene(await Stage.build());
  }

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  async setUp(): Promise<void> {
    for (const file of ['objects', 'more']) rmSync(join(this.#folder, `${file}.json`), { force: true });
    await this.stage.setUp({
      nodeAddresses: Object.values(node),
      sources: [...Object.values(outside), ...Object.values(pod)],
      targets: ENDPOINTS.map((address) => ({ address, protocol: 'TCP', port: 8080, echo: true })),
    });
    const [first = node.IPv4] = ENDPOINTS;
    await this.stage.nftOf(first, ['-f', '-'], 'table inet dead {}; delete table inet dead');
  }

  async start(...options: string[]): Promise<void> {
    this.#agent = startKnat([
      ...['agent', '--source', `dir:${this.#folder}`, '--node', 'n1', '--log-format', 'json'],
      ...options,
    ]);
    await this.#agent.errorsHave('"programmed"');
  }

  /** The agent's log has the text. */
  async logged(text: string): Promise<void> {
    await this.#agent?.errorsHave(text);
  }

  /** Ends the agent; its log. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    this.#agent?.process.kill(signal);
    const ended = await this.#agent?.ended;
    this.#agent = null;
    return ended?.errors ?? '';
  }

  async tearDown(): Promise<void> {
    await this.stop();
    nft(
      'table ip knat_gone {}; delete table ip knat_gone; table ip6 knat_gone {}; delete table ip6 knat_gone',
    );
  }

  dispose(): void {
    this.stage.dispose();
    rmSync(this.#folder, { recursive: true });
  }

  /** Replaces all objects of a file by one rename, so that the agent sees either the old or the new state. */
  write(items: readonly object[], file = 'objects'): void {
    writeFileSync(join(this.#folder, '.new'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    renameSync(join(this.#folder, '.new'), join(this.#folder, `${file}.json`));
  }

  remove(file: string): void {
    rmSync(join(this.#folder, `${file}.json`));
  }

  /** Something that is no manifest. */
  writeGarbage(file: string): void {
    writeFileSync(join(this.#folder, `${file}.json`), '{');
  }

  /** Opens connections that send and that wait. */
  async holdAll(dialled: Dialled, paces: readonly number[] = [SENDS, WAITS]): Promise<Held[]> {
    const ports = Array.from({ length: EACH * paces.length }, (_, index) => FIRST_PORT + index);
    const releases = await Promise.all(
      ports.map((sourcePort, index) =>
        this.stage.hold({ ...dialled, sourcePort }, paces[index % paces.length] ?? WAITS),
      ),
    );
    const endpoints = endpointsOf(dialled);
    return ports.map((port, index) => ({
      endpoint: endpoints.get(port),
      release: releases[index] ?? failed,
    }));
  }

  /** Nothing that is sent to the endpoint arrives, and nothing comes from it. */
  async kill(endpoint: IpAddress): Promise<void> {
    const word = familyOf(endpoint) === 'IPv6' ? 'ip6' : 'ip';
    await this.stage.nftOf(
      endpoint,
      ['-f', '-'],
      `table inet dead {
        chain in { type filter hook prerouting priority -400; ${word} daddr ${endpoint} drop; }
        chain out { type filter hook output priority -400; ${word} saddr ${endpoint} drop; }
      }`,
    );
  }
}

/** How the connections of each endpoint ended. */
export async function endsOf(held: readonly Held[]): Promise<Record<string, (string | null)[]>> {
  const ends: Record<string, Set<string | null>> = {};
  await Promise.all(
    held.map(async ({ endpoint = '', release }) => {
      const { ended } = await release();
      ends[endpoint] = (ends[endpoint] ?? new Set()).add(ended);
    }),
  );
  return Object.fromEntries(Object.entries(ends).map(([endpoint, all]) => [endpoint, [...all]]));
}

/** The endpoint of each source port. */
function endpointsOf({ source, address }: Dialled): Map<number, string> {
  const conntrack = new ConntrackConnection();
  try {
    const flows = conntrack.entries({
      protocol: protocolNumber.TCP,
      original: { src: source, dst: address },
    });
    return new Map(flows.map(({ original, reply }) => [original.sport, reply.src]));
  } finally {
    conntrack.close();
  }
}

/** TCP connections to the endpoint. */
export function flowsTo(endpoint: string): number {
  const conntrack = new ConntrackConnection();
  try {
    const flows = conntrack.entries({ protocol: protocolNumber.TCP });
    return flows.filter(({ reply }) => reply.src === endpoint).length;
  } finally {
    conntrack.close();
  }
}

export async function waitUntil(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await isTrue()); i++) {
    if (i > 500) throw new Error('it does not happen');
    await sleep(20);
  }
}

function failed(): never {
  throw new Error('not there');
}

export const nodeObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1' },
  spec: { podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
  status: { addresses: Object.values(node).map((address) => ({ type: 'InternalIP', address })) },
};

export function serviceObject(spec: Readonly<Record<string, unknown>> = {}, name = 'web') {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: {
      type: 'NodePort',
      clusterIPs: Object.values(clusterIP),
      externalIPs: Object.values(external),
      ports: [{ name: 'echo', port: 80, nodePort: 30080 }],
      ...spec,
    },
  };
}

export function sliceObjects(
  first: Condition,
  second: Condition = 'ready',
  { name = 'web', service = name }: { readonly name?: string; readonly service?: string } = {},
) {
  return FAMILIES.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family.toLowerCase()}`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: family,
    ports: [{ name: 'echo', port: 8080 }],
    endpoints: [
      ...(first === 'absent' ? [] : [{ addresses: [leaving[family]], nodeName: 'n1', ...conditions[first] }]),
      ...(second === 'absent'
        ? []
        : [{ addresses: [staying[family]], nodeName: 'n1', ...conditions[second] }]),
    ],
  }));
}
