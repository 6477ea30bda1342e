import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig, loadYaml } from '@kubernetes/client-node';
import { AccessError, type AccessOptions, type ApiAccess, requireServerUrl } from './access.ts';
import { type ExecConfig, ExecPlugin } from './exec-plugin.ts';
import { tokenFilesOf } from './token-files.ts';

/** What is used of the official client. */
interface Client {
  readonly KubeConfig: typeof KubeConfig;
  readonly loadYaml: typeof loadYaml;
}

/**
 * Access by a kubeconfig file. Everything about it is the official client's: merging of files, client certificates,
 * tokens, OIDC, proxies; but for `tokenFile`, which it does not know, and for exec plugins.
 */
export class KubeconfigAccess implements ApiAccess {
  readonly #options: AccessOptions;
  readonly #client: Client;
  #config: KubeConfig;
  /** Of the current user; null: its token stands elsewhere. */
  #tokenFile: string | null = null;
  /** Of the current user; null: it has none. */
  #plugin: ExecPlugin | null = null;
  #generation = 0;

  private constructor(options: AccessOptions, client: Client) {
    this.#options = options;
    this.#client = client;
    this.#config = this.#load();
  }

  /** Reads the configuration. Throws AccessError. The client is loaded here and not before: it takes 65 MiB. */
  static async open(options: AccessOptions): Promise<KubeconfigAccess> {
    return new KubeconfigAccess(options, await import('@kubernetes/client-node'));
  }

  get server(): string {
    return this.#config.getCurrentCluster()?.server ?? '';
  }

  get generation(): number {
    return this.#generation;
  }

  async requestOptions(): Promise<RequestOptions> {
    const options: RequestOptions = {};
    if (this.#plugin !== null) await applyPlugin(options, this.#plugin);
    await this.#config.applyToHTTPSOptions(options);
    if (this.#tokenFile !== null) await this.#applyTokenFile(options, this.#tokenFile);
    return options;
  }

  /** The file wins over a token that stands beside it, which is what is left where the file cannot be read. */
  async #applyTokenFile(options: RequestOptions, path: string): Promise<void> {
    try {
      const token = (await readFile(path, 'utf8')).trim();
      options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
    } catch (error) {
      if ((this.#config.getCurrentUser()?.token ?? '') === '') throw error;
    }
  }

  renew(generation: number): void {
    if (generation !== this.#generation) return;
    this.#generation++;
    try {
      this.#config = this.#load();
    } catch {
      // The old configuration is still the best there is; the next refusal reads it again.
    }
  }

  #load(): KubeConfig {
    const { kubeconfig, context, server } = this.#options;
    const config = new this.#client.KubeConfig();
    try {
      if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
      else config.loadFromDefault();
    } catch (error) {
      const what = kubeconfig ?? 'the default kubeconfig';
      const message = error instanceof Error ? error.message : String(error);
      throw new AccessError(`${what} cannot be used: ${message}`, { cause: error });
    }
    if (context !== undefined) config.setCurrentContext(context);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new AccessError(noCluster(config, context));
    const url = requireServerUrl(server ?? cluster.server);
    // The client refuses plain HTTP unless TLS is not to be verified; there is none to verify then.
    const skipTLSVerify = cluster.skipTLSVerify || url.startsWith('http:');
    const user = config.getCurrentUser();
    const exec = user?.exec as ExecConfig | null | undefined;
    config.loadFromOptions({
      clusters: config.clusters.map((each) =>
        each.name === cluster.name ? { ...each, server: url, skipTLSVerify } : each,
      ),
      users: config.users.map((each) => (each.name === user?.name ? { ...each, exec: null } : each)),
      contexts: config.contexts,
      currentContext: config.currentContext,
    });
    const files = tokenFilesOf(this.#options, this.#client.loadYaml);
    this.#tokenFile = files.get(user?.name ?? '') ?? null;
    this.#plugin = exec ? new ExecPlugin(exec, config.getCurrentCluster()) : null;
    return config;
  }
}

/** Before the official client makes an agent of the options, which has to have the certificate. */
async function applyPlugin(options: RequestOptions, plugin: ExecPlugin): Promise<void> {
  const { token, clientCertificateData, clientKeyData } = await plugin.credential(Date.now());
  if (clientCertificateData !== undefined) options.cert = clientCertificateData;
  if (clientKeyData !== undefined) options.key = clientKeyData;
  if (token !== undefined) options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
}

function noCluster(config: KubeConfig, context: string | undefined): string {
  const names = config.getContexts().map(({ name }) => name);
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  const asked = context ?? config.getCurrentContext() ?? '';
  if (asked === '') return `the kubeconfig has no current context: name one; ${known}`;
  return names.includes(asked)
    ? `the context "${asked}" of the kubeconfig names a cluster that is not in it`
    : `the kubeconfig has no context "${asked}": ${known}`;
}
