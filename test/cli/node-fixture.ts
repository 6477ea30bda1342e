import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { type Running, startKnat } from './knat.ts';
import { NODE, POD, serviceManifest } from './manifests.ts';

/** The state that each test of a file begins with. */
export interface NodeFixture {
  /** Holds a Node, a Service `web` at 10.96.0.10 and a Pod. */
  readonly folder: string;
  /** The options that name folder and node. */
  readonly source: readonly string[];
  /** Starts an agent and waits until it has programmed the plan; the agent is ended after the test. */
  startAgent(args?: readonly string[]): Promise<Running>;
}

/** Registers the hooks: the file gets a new network namespace, each test a new folder and an empty ruleset. */
export function nodeFixture(): NodeFixture {
  let folder = '';
  let running: Running[] = [];
  const fixture: NodeFixture = {
    get folder() {
      return folder;
    },
    get source() {
      return ['--source', `dir:${folder}`, '--node', 'n1'];
    },
    startAgent: async (args = []) => {
      const agent = startKnat(['agent', ...fixture.source, ...args]);
      running.push(agent);
      await agent.errorsHave('"programmed"');
      return agent;
    },
  };

  beforeAll(() => enterFreshNamespace());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
    writeFileSync(join(folder, 'node.yaml'), NODE);
    writeFileSync(join(folder, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
    writeFileSync(join(folder, 'pod.yaml'), POD);
    running = [];
  });

  afterEach(async () => {
    for (const { process, ended } of running) {
      process.kill('SIGKILL');
      await ended;
    }
    execFileSync('nft', ['flush', 'ruleset']);
    rmSync(folder, { recursive: true });
  });

  return fixture;
}
