import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { AgentProcess } from '../../src/demo/agent-process.ts';
import { DemoFolder } from '../../src/demo/manifests.ts';
import { buildStage, startListeners } from '../../src/demo/stage.ts';
import { keepTalking } from '../../src/demo/traffic.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { enterNamespace } from '../netns/namespace.ts';

/** Debian's Chromium. */
const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Otherwise the browser's own services ask the lab's router for names all the time.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

/** The agent serves the page there, to its own network namespace. */
export const ORIGIN = 'http://127.0.0.1:8484';

/** Folder for pictures; `docs/img` only on request, so that tests leave the checkout as it is. */
const PICTURES =
  process.env.KNAT_PICTURES ?? fileURLToPath(new URL('../../.tmp/screenshots/', import.meta.url));

/**
 * The demo's cluster with a real agent in node1, traffic through it, and a real browser beside the agent: this process
 * is in node1's namespace, from which nothing leads out.
 */
export class PageStage {
  readonly folder: DemoFolder;
  readonly #lab: Lab;
  readonly #agent: AgentProcess;
  readonly #browser: Browser;
  readonly #leave: () => void;
  readonly #talking: AbortController;

  static async build(): Promise<PageStage> {
    removeStale('knat-test');
    const lab = new Lab('knat-test');
    const folder = new DemoFolder(lab.name);
    const cluster = await buildStage(lab);
    await startListeners(cluster);
    const { host } = cluster.node('node1');
    const agent = new AgentProcess(host, folder.manifests, folder.logFile('node1'));
    await agent.ready();
    const talking = new AbortController();
    void keepTalking(cluster, ['IPv4', 'IPv6'], talking.signal);
    const leave = enterNamespace(host.namespace);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: 60_000 });
    return new PageStage(lab, folder, agent, browser, leave, talking);
  }

  private constructor(
    lab: Lab,
    folder: DemoFolder,
    agent: AgentProcess,
    browser: Browser,
    leave: () => void,
    talking: AbortController,
  ) {
    this.#lab = lab;
    this.folder = folder;
    this.#agent = agent;
    this.#browser = browser;
    this.#leave = leave;
    this.#talking = talking;
  }

  /** A new browser without stored data, on the page with this hash. */
  async open(hash = '', options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.#browser.newContext({ viewport: { width: 1600, height: 1000 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(45_000);
    const visit = new Visit(page);
    await page.goto(`${ORIGIN}/${hash}`);
    return visit;
  }

  async dispose(): Promise<void> {
    this.#talking.abort();
    await this.#browser.close();
    this.#leave();
    this.#agent.kill();
    this.#lab.dispose();
    this.folder.remove();
  }
}

/** Errors and requests of a browser on the page. */
export class Visit {
  readonly page: Page;
  /** Console messages above notes, uncaught errors, and responses with an error status. */
  readonly complaints: string[] = [];
  /** Origins that the browser sent requests to. */
  readonly origins = new Set<string>();

  constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400) this.complaints.push(`${response.status()} ${response.url()}`);
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && protocol !== 'blob:') this.origins.add(origin);
    });
  }

  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(
      join(PICTURES, `${name}.png`),
      await this.page.screenshot({ animations: 'disabled', fullPage: true }),
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
