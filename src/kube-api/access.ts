import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';

/** Which cluster, and as whom. Without any of it: `$KUBECONFIG`, `~/.kube/config`, the pod's service account. */
export interface AccessOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** Name of a context of the kubeconfig, instead of its current one. */
  readonly context?: string;
  /** URL of the API server, instead of what the configuration says; credentials and CA stay. */
  readonly server?: string;
  /** Folder that stands for `/` when the service account is looked for; for tests. */
  readonly serviceAccountRoot?: string;
}

/** The configuration names no cluster that could be asked: a person has to correct it. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** The client's last resort, which is no configuration at all. */
const CLIENT_FALLBACK = 'http://localhost:8080';

/**
 * Where the API server is and how to speak to it. Everything about credentials is the official client's: kubeconfig
 * files, service account tokens with their rotation, exec plugins, OIDC, client certificates, proxies.
 */
export class ApiAccess {
  readonly #options: AccessOptions;
  readonly #Config: typeof KubeConfig;
  #config: KubeConfig;
  #generation = 0;

  private constructor(options: AccessOptions, Config: typeof KubeConfig) {
    this.#options = options;
    this.#Config = Config;
    this.#config = this.#load();
  }

  /** Reads the configuration. Throws AccessError. The client is loaded here and not before: it takes 80 MiB. */
  static async open(options: AccessOptions): Promise<ApiAccess> {
    const { KubeConfig } = await import('@kubernetes/client-node');
    return new ApiAccess(options, KubeConfig);
  }

  /** URL of the API server, without a slash at its end. */
  get server(): string {
    return (this.#config.getCurrentCluster()?.server ?? '').replace(/\/+$/, '');
  }

  /** Grows when the credentials are read anew. */
  get generation(): number {
    return this.#generation;
  }

  /** Agent, TLS and authorization for one request. Files are read each time, so that renewed ones are used. */
  async requestOptions(): Promise<RequestOptions> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    return options;
  }

  /**
   * Forgets cached credentials and reads the configuration anew: the server does not accept them any longer. Does
   * nothing when that was done since `generation`; what cannot be read leaves everything as it is.
   */
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
    const { kubeconfig, context, server, serviceAccountRoot } = this.#options;
    const config = new this.#Config();
    try {
      if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
      else if (serviceAccountRoot !== undefined) config.loadFromCluster(serviceAccountRoot);
      else config.loadFromDefault();
    } catch (error) {
      const what = kubeconfig ?? 'the default kubeconfig';
      throw new AccessError(`${what} cannot be used: ${messageOf(error)}`, { cause: error });
    }
    if (context !== undefined) config.setCurrentContext(context);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new AccessError(noCluster(config, context));
    const url = server ?? cluster.server;
    if (url === CLIENT_FALLBACK && server === undefined && kubeconfig === undefined) {
      throw new AccessError('no cluster is configured: there is no kubeconfig and no service account token');
    }
    if (!/^https?:\/\/[^/]/.test(url)) {
      throw new AccessError(`the server "${url}" is no URL: write https://ADDRESS:PORT`);
    }
    // The client refuses plain HTTP unless TLS is not to be verified; there is none to verify then.
    const skipTLSVerify = cluster.skipTLSVerify || url.startsWith('http:');
    config.loadFromOptions({
      clusters: config.clusters.map((each) =>
        each.name === cluster.name ? { ...each, server: url, skipTLSVerify } : each,
      ),
      users: config.users,
      contexts: config.contexts,
      currentContext: config.currentContext,
    });
    return config;
  }
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
