import type { Cluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { removeStale } from '../lab/removal.ts';
import type { Family } from '../net/family.ts';
import { AgentFailed, AgentProcess, knatIn } from './agent-process.ts';
import { awaitFlow, tryFlow } from './dial.ts';
import type { FlowResult, StagedFlow } from './flow.ts';
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
  /** Keep everything running after the last step until the signal aborts. */
  readonly stay: boolean;
  readonly display: Display;
}

/**
 * Runs the whole demo and removes everything, however it ends. Returns the result of each flow. Throws DemoImpossible,
 * AgentFailed, or the signal's abort reason. Several demos can run at once; leftovers of a crashed demo are removed
 * first.
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
    // Not interrupted: a namespace that is still being made cannot be removed.
    const cluster = await buildStage(lab).catch((error) => {
      throw explainBuildFailure(error);
    });
    const demo = new Demo({ ...options, cluster, folder, agents, pages, signal });
    await untilAborted(demo.play(), signal);
    if (options.stay) await demo.stay();
    return demo.outcomes;
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

/** The options and parts of a demo; the caller removes the parts. */
interface Parts extends DemoOptions {
  readonly cluster: Cluster;
  readonly folder: DemoFolder;
  readonly agents: AgentProcess[];
  readonly pages: PageAddress[];
  readonly signal: AbortSignal;
}

class Demo {
  readonly #parts: Parts;
  readonly #teller: Teller;
  readonly outcomes: FlowResult[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#teller = new Teller(parts.display);
  }

  async play(): Promise<void> {
    const teller = this.#teller;
    teller.heading('knat demo: real packets through all three kinds of NAT');
    teller.remark('Every host below is a network namespace of this machine; nothing leaves it.');
    teller.lines(['', ...PICTURE]);
    await startListeners(this.#parts.cluster);
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

  /** Keeps sending light traffic until the signal aborts. */
  async stay(): Promise<void> {
    const { display, families } = this.#parts;
    const [page] = this.#parts.pages;
    tellHowToLookAround(display, this.#parts.cluster, this.#parts.folder, page?.url ?? null);
    for (const agent of this.#parts.agents) agent.follow((line) => tellLogLine(display, agent.node, line));
    const aborted = this.#parts.signal.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => this.#parts.signal.addEventListener('abort', () => resolve()));
    await Promise.race([
      aborted,
      keepTalking(this.#parts.cluster, families, this.#parts.signal).then(() => aborted),
    ]);
  }

  async #startAgents(): Promise<void> {
    const teller = this.#teller;
    teller.heading('An agent in each node');
    teller.fact('manifests', this.#parts.folder.manifests);
    const start = performance.now();
    for (const { host, name } of this.#parts.cluster.nodes) {
      this.#parts.agents.push(
        new AgentProcess(host, this.#parts.folder.manifests, this.#parts.folder.logFile(name)),
      );
    }
    await Promise.all(this.#parts.agents.map((agent) => agent.ready()));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    teller.fact('started', `knat agent --source dir:… --node node1, and node2`);
    teller.fact('programmed', `both, ${seconds} s after their start`);
    if (this.#parts.stay) {
      const page = await PageAddress.open(
        this.#parts.cluster.node('node1').host,
        this.#parts.folder.socketFile,
      );
      // If the signal aborted meanwhile, everything else was already removed.
      if (this.#parts.signal.aborted) page.close();
      this.#parts.pages.push(page);
      teller.fact('page', `${page.url} (node1)`);
    }
  }

  async #chapter({ title, flows }: Chapter): Promise<void> {
    this.#teller.heading(title);
    const { cluster } = this.#parts;
    await this.#show(flows, async (flow, family) => ({ outcome: await tryFlow(cluster, flow, family) }));
  }

  async #change({ title, edit, flows }: Change): Promise<void> {
    this.#teller.remark(`  edit ${title}`);
    const { cluster, folder, signal } = this.#parts;
    const since = performance.now();
    folder.edit(edit);
    await this.#show(flows, (flow, family) => awaitFlow(cluster, flow, family, since, signal));
  }

  /** Tries all flows at once in every family, then prints them in order; `milliseconds` is the time since a change. */
  async #show(
    flows: readonly StagedFlow[],
    attempt: (
      flow: StagedFlow,
      family: Family,
    ) => Promise<{ readonly outcome: FlowResult; readonly milliseconds?: number }>,
  ): Promise<void> {
    const { families, signal } = this.#parts;
    const tried = await Promise.all(
      flows.map(async (flow) => {
        return { flow, results: await Promise.all(families.map((family) => attempt(flow, family))) };
      }),
    );
    signal.throwIfAborted();
    for (const { flow, results } of tried) {
      const outcomes = results.map(({ outcome }) => outcome);
      this.outcomes.push(...outcomes);
      this.#teller.flow(flow, outcomes);
      const times = results.flatMap(({ outcome: { asExpected, family }, milliseconds }) =>
        asExpected && milliseconds !== undefined ? [{ family, milliseconds }] : [],
      );
      if (times.length > 0) this.#teller.remark(`       after ${timesText(times)}`);
    }
  }

  /** The output of the `knat explain` command that a user would type. */
  async #explain(): Promise<readonly string[]> {
    const { node, from, to, port } = explained;
    const { host } = this.#parts.cluster.node(node);
    const [family = 'IPv4'] = this.#parts.families;
    const question = `explain --from ${from[family]} --to ${to[family]} --port ${port}`;
    const { status, stdout, stderr } = await host.runToEnd(knatIn(host, question.split(' ')));
    if (status !== 0) throw new AgentFailed(node, 'did not explain a packet', stderr.trim().split('\n'));
    return [this.#parts.display.dim(`$ knat ${question}`), '', ...stdout.trimEnd().split('\n')];
  }
}

/** Rejects with the abort reason as soon as the signal aborts; the work's result is then ignored. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
