import type { Cluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { removeStale } from '../lab/removal.ts';
import type { Family } from '../net/family.ts';
import { AgentFailed, AgentProcess, knatIn } from './agent-process.ts';
import { awaitFlow, tryFlow } from './dial.ts';
import type { FlowResult } from './flow.ts';
import { tellHowToLookAround, tellLogLine } from './look-around.ts';
import { DemoFolder } from './manifests.ts';
import { PageAddress } from './page-address.ts';
import { explainBuildFailure, requireMachine } from './requirements.ts';
import { buildStage, PICTURE, startListeners } from './stage.ts';
import { type Change, type Chapter, changes, explained, withKnat, withoutKnat } from './story.ts';
import { type Display, Teller, timesText } from './teller.ts';
import { keepTalking } from './traffic.ts';

export interface DemoOptions {
  readonly families: readonly Family[];
  /** True: when the story is told, everything stays until the signal aborts, for somebody to look around. */
  readonly stay: boolean;
  readonly display: Display;
}

/**
 * Builds the stage, starts an agent in each node, tells the story, and removes everything, however it ends.
 * Returns how each translation came out. Throws DemoImpossible, AgentFailed, or the signal's reason when it aborts
 * before the story is told. Two demos at once do not disturb each other; what a crashed one left is removed first.
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<readonly FlowResult[]> {
  await requireMachine();
  removeStale('knat-demo');
  DemoFolder.removeStale();
  signal.throwIfAborted();
  const lab = new Lab('knat-demo');
  const folder = new DemoFolder(lab.name);
  const agents: AgentProcess[] = [];
  const pages: PageAddress[] = [];
  const cleanUp = () => {
    for (const page of pages) page.close();
    for (const agent of agents) agent.kill();
    lab.dispose();
    folder.remove();
  };
  process.on('exit', cleanUp);
  try {
    // Not interrupted: a namespace that is being made could not be removed yet.
    const cluster = await buildStage(lab).catch((error) => {
      throw explainBuildFailure(error);
    });
    const demo = new Demo(options, cluster, folder, agents, pages, signal);
    await untilAborted(demo.play(), signal);
    if (options.stay) await demo.stay();
    return demo.outcomes;
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #teller: Teller;
  readonly #cluster: Cluster;
  readonly #folder: DemoFolder;
  readonly #agents: AgentProcess[];
  readonly #pages: PageAddress[];
  readonly #signal: AbortSignal;
  readonly outcomes: FlowResult[] = [];

  constructor(
    options: DemoOptions,
    cluster: Cluster,
    folder: DemoFolder,
    agents: AgentProcess[],
    pages: PageAddress[],
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#teller = new Teller(options.display);
    this.#cluster = cluster;
    this.#folder = folder;
    this.#agents = agents;
    this.#pages = pages;
    this.#signal = signal;
  }

  async play(): Promise<void> {
    const teller = this.#teller;
    teller.heading('knat demo: real packets through all three kinds of NAT');
    teller.remark('Every host below is a network namespace of this machine; nothing leaves it.');
    teller.lines(['', ...PICTURE]);
    await startListeners(this.#cluster);
    await this.#chapter(withoutKnat);
    await this.#startAgents();
    const explanation = this.#explain();
    explanation.catch(() => {}); // looked at below, unless the demo ends before
    for (const chapter of withKnat) await this.#chapter(chapter);
    teller.heading(explained.title);
    teller.lines(await explanation);
    teller.heading('Change a manifest, and the packets change');
    for (const change of changes) await this.#change(change);
    teller.summary(this.outcomes);
  }

  /** Goes on with gentle traffic. Resolves when the signal aborts. */
  async stay(): Promise<void> {
    const { display, families } = this.#options;
    const [page] = this.#pages;
    tellHowToLookAround(display, this.#cluster, this.#folder, page?.url ?? null);
    for (const agent of this.#agents) agent.follow((line) => tellLogLine(display, agent.node, line));
    const aborted = this.#signal.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => this.#signal.addEventListener('abort', () => resolve()));
    await Promise.race([aborted, keepTalking(this.#cluster, families, this.#signal).then(() => aborted)]);
  }

  async #startAgents(): Promise<void> {
    const teller = this.#teller;
    teller.heading('An agent in each node');
    teller.fact('manifests', this.#folder.manifests);
    const start = performance.now();
    for (const { host, name } of this.#cluster.nodes) {
      this.#agents.push(new AgentProcess(host, this.#folder.manifests, this.#folder.logFile(name)));
    }
    await Promise.all(this.#agents.map((agent) => agent.ready()));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    teller.fact('started', `knat agent --source dir:… --node node1, and node2`);
    teller.fact('programmed', `both, ${seconds} s after their start`);
    if (this.#options.stay) {
      const page = await PageAddress.open(this.#cluster.node('node1').host, this.#folder.socketFile);
      // Where the signal came meanwhile, everything was removed already.
      if (this.#signal.aborted) page.close();
      this.#pages.push(page);
      teller.fact('page', `${page.url} (node1)`);
    }
  }

  async #chapter({ title, flows }: Chapter): Promise<void> {
    this.#teller.heading(title);
    const tried = await Promise.all(
      flows.map((flow) => {
        const inFamily = (family: Family) => tryFlow(this.#cluster, flow, family);
        return Promise.all(this.#options.families.map(inFamily));
      }),
    );
    this.#signal.throwIfAborted();
    for (const [index, flow] of flows.entries()) {
      const outcomes = tried[index] ?? [];
      this.outcomes.push(...outcomes);
      this.#teller.flow(flow, outcomes);
    }
  }

  async #change({ title, edit, flows }: Change): Promise<void> {
    this.#teller.remark(`  edit ${title}`);
    const since = performance.now();
    this.#folder.edit(edit);
    const awaited = await Promise.all(
      flows.map((flow) => {
        const inFamily = (family: Family) => awaitFlow(this.#cluster, flow, family, since, this.#signal);
        return Promise.all(this.#options.families.map(inFamily));
      }),
    );
    this.#signal.throwIfAborted();
    for (const [index, flow] of flows.entries()) {
      const results = awaited[index] ?? [];
      const outcomes = results.map(({ outcome }) => outcome);
      this.outcomes.push(...outcomes);
      this.#teller.flow(flow, outcomes);
      const times = results
        .filter(({ outcome }) => outcome.asExpected)
        .map(({ outcome: { family }, milliseconds }) => ({ family, milliseconds }));
      if (times.length > 0) this.#teller.remark(`       after ${timesText(times)}`);
    }
  }

  /** What the agent says to the question, by the command that a user would type. */
  async #explain(): Promise<readonly string[]> {
    const { node, from, to, port } = explained;
    const { host } = this.#cluster.node(node);
    const [family = 'IPv4'] = this.#options.families;
    const question = `explain --from ${from[family]} --to ${to[family]} --port ${port}`;
    const { status, stdout, stderr } = await host.runToEnd(knatIn(host, question.split(' ')));
    if (status !== 0) throw new AgentFailed(node, 'did not explain a packet', stderr.trim().split('\n'));
    return [this.#options.display.dim(`$ knat ${question}`), '', ...stdout.trimEnd().split('\n')];
  }
}

/** Rejects with the signal's reason as soon as it aborts; what the work does from then on is nobody's concern. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
