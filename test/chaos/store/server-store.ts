import { fork } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askFor } from '../../cluster/ask-for.ts';
import { ClusterClient, type Manifest } from '../../cluster/cluster-client.ts';
import { type KubeChange, NODE, POD_RANGES, SERVICE_RANGES } from '../../generators/kube-objects.ts';
import { Child } from '../child.ts';
import { makeFolder } from './make-folder.ts';
import type { ServerAccess, ServerRequest } from './server-messages.ts';
import type { Store } from './store.ts';

const PROGRAM = fileURLToPath(new URL('./server-process.js', import.meta.url));

/** An API server in a process of its own, so that its work does not disturb. */
export class ServerStore implements Store {
  readonly server: Child<ServerRequest>;
  readonly access: ServerAccess;
  readonly client: ClusterClient;
  readonly #folder: string;

  static async start(): Promise<ServerStore> {
    const folder = makeFolder('server');
    const server = new Child<ServerRequest>('API server', fork(PROGRAM, [folder]));
    const access = (await server.ask({ command: 'access' })) as ServerAccess;
    return new ServerStore(server, access, folder);
  }

  private constructor(server: Child<ServerRequest>, access: ServerAccess, folder: string) {
    this.server = server;
    this.access = access;
    this.client = new ClusterClient(access);
    this.#folder = folder;
    writeFileSync(
      join(folder, 'node.yaml'),
      JSON.stringify({ podCIDRs: POD_RANGES, serviceCIDRs: SERVICE_RANGES }),
    );
  }

  get agentArgs(): readonly string[] {
    const { kubeconfig } = this.access;
    return ['--source', 'kubernetes', '--kubeconfig', kubeconfig, '--node', NODE.name];
  }

  async change(change: KubeChange): Promise<Manifest | null> {
    await askFor(this.client, change);
    return change.isGone ? null : await this.client.get(change.manifest);
  }

  async close(): Promise<void> {
    await this.server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
