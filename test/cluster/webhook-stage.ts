import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import { renderChart, toolPath } from '../../scripts/generate/helm.ts';
import { planSettings } from '../../src/cli/options/plan-settings.ts';
import { podNatOptions } from '../../src/cli/options/source.ts';
import type { SettingValues } from '../../src/cli/options/table.ts';
import { parseExpectations } from '../../src/cli/verify/expectations-file.ts';
import { judgeOne } from '../../src/cli/verify/judge.ts';
import { runWebhook } from '../../src/webhook/webhook.ts';
import { agentBinding, agentRole, type Rule } from './agent-role.ts';
import type { Manifest } from './cluster-client.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Stage } from './stage.ts';

export const NAME = 'knat-webhook';
export const NAMESPACE = 'knat-system';

type ChartObject = Manifest & { readonly rules?: readonly Rule[] };

/** The output of a program. */
export interface Run {
  readonly code: number;
  readonly output: string;
  readonly complaint: string;
}

export interface RunningWebhook {
  readonly statusPort: number;
  stop(): Promise<void>;
}

/** A cluster with what the chart installs for the webhook, and replicas of it in this process. */
export class WebhookStage {
  readonly stage: Stage;
  readonly expectations: string;
  readonly #running: RunningWebhook[] = [];
  #objects: ChartObject[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
    this.expectations = join(stage.folder, 'expectations.yaml');
  }

  /** Installs the chart's objects; the user `knat` gets the rights that the chart gives the webhook, and no others. */
  async install(): Promise<void> {
    const { client } = this.stage;
    const rendered = parseAllDocuments(await renderChart('--set', 'webhook.enabled=true'));
    this.#objects = rendered.map((document) => document.toJS() as ChartObject);
    const rules = ['ClusterRole', 'Role'].flatMap((kind) => this.object(kind).rules ?? []);
    for (const name of [NAMESPACE, 'kube-system', 'shop']) {
      await client.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    await client.put(agentRole(rules));
    await client.put(agentBinding);
    await client.put(this.object('Secret'));
    await client.put(this.object('ValidatingWebhookConfiguration'));
  }

  object(kind: string): ChartObject {
    const found = this.#objects.find((each) => each?.kind === kind && each.metadata.name === NAME);
    if (found === undefined) throw new Error(`the chart makes no ${kind} ${NAME}`);
    return found;
  }

  protect(text: string): void {
    writeFileSync(this.expectations, text);
  }

  /** Starts a replica that the API server calls from now on. @param skew milliseconds by which its clock is ahead */
  async start({ skew = () => 0 }: { readonly skew?: () => number } = {}): Promise<RunningWebhook> {
    const { cluster, kubeconfig } = this.stage;
    const [port, statusPort] = [await freePort(), await freePort()];
    const values: SettingValues = { source: { kind: 'kubernetes' }, kubeconfig };
    const settings = await planSettings(values, { allPods: true });
    const stop = new AbortController();
    const ended = runWebhook(
      {
        settings,
        podNat: podNatOptions(values),
        listen: { host: '127.0.0.1', port } as never,
        status: { host: '127.0.0.1', port: statusPort } as never,
        names: {
          namespace: NAMESPACE,
          secret: NAME,
          configuration: NAME,
          dnsNames: [`${NAME}.${NAMESPACE}.svc`],
        },
        expectations: this.expectations,
        readExpectations: parseExpectations,
        judge: judgeOne,
        wallClock: () => Date.now() + skew(),
        // A busy machine must not change an answer.
        budget: 60_000,
        logger: pino({ level: process.env.KNAT_TEST_LOG ?? 'silent' }),
        version: '0.0.0',
      },
      stop.signal,
    );
    ended.catch(() => {});
    cluster.simulator?.webhookPorts.set(`${NAMESPACE}/${NAME}`, port);
    const running = {
      statusPort,
      stop: async () => {
        stop.abort();
        await ended;
      },
    };
    this.#running.push(running);
    return running;
  }

  async quiet(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((each) => each.stop().catch(() => {})));
  }

  /** The real kubectl, as an administrator. */
  async kubectl(...args: string[]): Promise<Run> {
    const { folder, cluster } = this.stage;
    const home = join(folder, 'admin');
    mkdirSync(home, { recursive: true });
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      KUBECONFIG: writeKubeconfig(home, cluster, { token: cluster.adminToken }),
      KUBECACHEDIR: join(home, 'cache'),
    };
    return await new Promise((resolve) => {
      execFile(toolPath('kubectl'), args, { env, timeout: 60_000 }, (error, output, complaint) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, output, complaint });
      });
    });
  }

  /** `kubectl apply` of one object. */
  async apply(manifest: Manifest, ...more: string[]): Promise<Run> {
    const path = join(this.stage.folder, 'applied.json');
    writeFileSync(path, JSON.stringify(manifest));
    return await this.kubectl('apply', '-f', path, ...more);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
