import { pino } from 'pino';
import { runAgent } from '../../src/agent/agent-run.ts';
import { defaultFlowSettings, type FlowSettings } from '../../src/agent/settings.ts';
import type { FlowLine, FlowReport, ListingEnd } from '../../src/forms/flows.ts';
import type { FlowQuestion } from '../../src/forms/questions.ts';
import type { Status } from '../../src/forms/status.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import type { FactChange } from '../../src/model/facts.ts';
import { agentPieces, askAgent, linesOf } from '../../src/observe/client.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Source, SourceSink } from '../../src/sources/source.ts';
import { ip, pod, pool, present } from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { FlatTopology } from '../netns/flat.ts';
import { enterNamespace } from '../netns/namespace.ts';

export const NODE = ip('192.0.2.10');
export const PUBLIC = ip('203.0.113.7');
export const POD = ip('10.244.1.5');
export const OTHER_POD = ip('10.244.1.6');
export const CLIENT = ip('198.51.100.9');
/** A host outside the cluster that answers with the source that it saw. */
export const PLACE = ip('198.51.100.80');
export const NODE6 = ip('2001:db8::10');
export const POD6 = ip('fd00:244::5');
export const PLACE6 = ip('2001:db8:9::80');
export const PORT = 7000;
export const ECHO_PORT = 7001;

export const NODE_NAME = 'node-a';
export const natPool = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));
export const plainPool = present('IPPool', pool('pods', '10.244.0.0/16'));
/** The pods, without any annotation. */
export const pods: readonly FactChange[] = [
  present('Pod', pod([], { namespace: 'shop', name: 'web-0', ips: [POD], nat: null })),
  present('Pod', pod([], { namespace: 'shop', name: 'web-1', ips: [OTHER_POD], nat: null })),
];

/**
 * The flat topology with a whole agent in its node: `clients` has the addresses of the pods and the client, `backends`
 * that of the place outside. This process is in the node, so that agent, API and netlink are there.
 */
export class FlowsStage {
  readonly lab: Lab;
  readonly flat: FlatTopology;
  readonly #leave: () => void;
  #sink: SourceSink | null = null;
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  static async build(): Promise<FlowsStage> {
    removeStale('knat-test');
    const lab = new Lab('knat-test');
    const flat = await FlatTopology.build(lab);
    await flat.configure({
      nodeAddresses: [NODE, PUBLIC, NODE6],
      endpoints: [PLACE, PLACE6],
      sources: [POD, POD6, OTHER_POD, CLIENT],
    });
    const backends = flat.backends.probe();
    await backends.serve({ address: PLACE, port: PORT, protocol: 'TCP' });
    for (const address of [PLACE, PLACE6]) await backends.serve({ address, port: PORT, protocol: 'UDP' });
    await backends.serve({ address: PLACE, port: ECHO_PORT, protocol: 'TCP', echo: true });
    return new FlowsStage(lab, flat);
  }

  private constructor(lab: Lab, flat: FlatTopology) {
    this.lab = lab;
    this.flat = flat;
    this.#leave = enterNamespace(flat.node.namespace);
  }

  /** Starts an agent that has these objects, and waits until they are programmed. No connection is known then. */
  async start(objects: readonly FactChange[], flows: Partial<FlowSettings> = {}): Promise<void> {
    forgetConnections();
    await this.startAgain(objects, flows);
  }

  /** As `start`, but keeps existing connections. */
  async startAgain(objects: readonly FactChange[], flows: Partial<FlowSettings> = {}): Promise<void> {
    const source: Source = {
      name: 'test',
      run: async (sink, signal) => {
        this.#sink = sink;
        sink.apply([...objects]);
        sink.synced();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    };
    this.#stop = new AbortController();
    const settings = { nodeName: NODE_NAME, nodeConfig: {}, plan: defaultPlanOptions, source };
    const logger = pino({ level: 'silent' });
    this.#running = runAgent(
      {
        ...{ settings, logger, version: 'test', once: false },
        flows: { ...defaultFlowSettings, ...flows },
      },
      this.#stop.signal,
    );
    await until(async () => (await this.status()).programmed !== null);
  }

  /** Changes objects, and waits until the change is programmed. */
  async change(...changes: FactChange[]): Promise<void> {
    const before = (await this.status()).programmed?.revision ?? 0;
    this.#sink?.apply(changes);
    await until(async () => ((await this.status()).programmed?.revision ?? 0) > before);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async status(): Promise<Status> {
    return await askAgent('/status');
  }

  async list(question: FlowQuestion = {}): Promise<{ flows: FlowReport[]; end: ListingEnd }> {
    const flows: FlowReport[] = [];
    for await (const lines of linesOf(agentPieces('/flows', question))) {
      for (const text of lines) {
        const line: FlowLine = JSON.parse(text);
        if ('end' in line) return { flows, end: line.end };
        flows.push(line);
      }
    }
    throw new Error('the listing has no end');
  }

  dispose(): void {
    this.#leave();
    this.lab.dispose();
  }
}

/** Waits until the condition holds; it does not hold while the agent does not answer yet. Throws after 20 s. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  let failure: unknown = null;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error('not within 20 seconds', { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
