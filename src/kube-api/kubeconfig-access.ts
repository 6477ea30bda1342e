import type { RequestOptions } from 'node:https';
import { type AccessOptions, type ApiAccess, requireServerUrl } from './access.ts';
import { ExecPlugin } from './exec-plugin.ts';
import { chooseContext, loadKubeconfig } from './kubeconfig.ts';
import { readPem } from './kubeconfig-entry.ts';
import { authorizationOf, type KubeconfigUser, readUser } from './kubeconfig-user.ts';
import { type ApiServer, readServer, serverOptions } from './server.ts';

interface Loaded {
  readonly server: ApiServer;
  /** Null: the context has no user. */
  readonly user: KubeconfigUser | null;
  readonly plugin: ExecPlugin | null;
}

/** Access by kubeconfig files, by kubectl's rules. */
export class KubeconfigAccess implements ApiAccess {
  readonly #options: AccessOptions;
  readonly #parseYaml: (text: string) => unknown;
  #loaded: Loaded;
  #generation = 0;

  private constructor(options: AccessOptions, parseYaml: (text: string) => unknown) {
    this.#options = options;
    this.#parseYaml = parseYaml;
    this.#loaded = this.#load();
  }

  /** Throws AccessError. */
  static async open(options: AccessOptions): Promise<KubeconfigAccess> {
    const { parse } = await import('yaml');
    return new KubeconfigAccess(options, (text) => parse(text));
  }

  get server(): string {
    return this.#loaded.server.url;
  }

  get generation(): number {
    return this.#generation;
  }

  async requestOptions(signal: AbortSignal): Promise<RequestOptions> {
    const { server, user, plugin } = this.#loaded;
    const options: RequestOptions = {};
    let authorization: string | undefined;
    if (user !== null) {
      options.headers = { ...user.impersonation };
      options.cert = await readPem(user.certificate);
      options.key = await readPem(user.key);
      authorization = await authorizationOf(user);
    }
    // Credentials in the kubeconfig itself take precedence over the program, which is then not run.
    if (plugin !== null && authorization === undefined) {
      const { token, clientCertificateData, clientKeyData } = await plugin.credential(Date.now());
      if (options.cert === undefined)
        Object.assign(options, { cert: clientCertificateData, key: clientKeyData });
      if (token) authorization = `Bearer ${token}`;
    }
    if (authorization !== undefined) options.headers = { ...options.headers, Authorization: authorization };
    return await serverOptions(server, options, signal);
  }

  renew(generation: number): void {
    if (generation !== this.#generation) return;
    this.#generation++;
    try {
      this.#loaded = this.#load();
    } catch {
      // Keep the old configuration; the next refusal reads the file again.
    }
  }

  #load(): Loaded {
    const { context, server, environment, isTerminal = false } = this.#options;
    const chosen = chooseContext(loadKubeconfig(this.#options, this.#parseYaml), context);
    const url = requireServerUrl(server ?? chosen.cluster.text('server'));
    const apiServer = readServer(chosen.cluster, url, environment);
    const user = chosen.user === null ? null : readUser(chosen.user);
    const plugin =
      user?.exec == null
        ? null
        : new ExecPlugin(user.exec, { environment, isTerminal, cluster: () => clusterInfo(apiServer) });
    return { server: apiServer, user, plugin };
  }
}

async function clusterInfo(server: ApiServer): Promise<object> {
  const authority = await readPem(server.authority);
  return {
    server: server.url,
    'tls-server-name': server.tlsServerName || undefined,
    'insecure-skip-tls-verify': server.isUnverified || undefined,
    'certificate-authority-data': authority?.toString('base64'),
    'proxy-url': server.proxyUrl || undefined,
    config: server.execConfig,
  };
}
