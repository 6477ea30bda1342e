import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { AccessError, type AccessOptions, type ApiAccess, requireServerUrl } from './access.ts';
import { KubeconfigEntry } from './kubeconfig-entry.ts';
import { type ApiServer, readServer, serverOptions } from './server.ts';

/** Folder where the kubelet writes the credentials of a pod. */
const FOLDER = 'var/run/secrets/kubernetes.io/serviceaccount';

export function tokenPath({ root }: AccessOptions): string {
  return join(root ?? '/', FOLDER, 'token');
}

/**
 * Access of a pod by its service account: two files and two variables. The agent on every node uses it. The kubelet
 * replaces the token before it expires, so it is read for each request.
 */
export class ServiceAccountAccess implements ApiAccess {
  readonly server: string;
  readonly #apiServer: ApiServer;
  readonly #options: AccessOptions;
  #generation = 0;

  /** Throws AccessError if the environment does not name the server. */
  constructor(options: AccessOptions) {
    this.#options = options;
    const { environment, root = '/' } = options;
    this.server = requireServerUrl(options.server ?? serverOf(environment));
    const authority = new KubeconfigEntry(
      'the pod',
      { 'certificate-authority': 'ca.crt' },
      join(root, FOLDER),
    );
    this.#apiServer = readServer(authority, this.server, environment);
  }

  get generation(): number {
    return this.#generation;
  }

  async requestOptions(signal: AbortSignal): Promise<RequestOptions> {
    const token = (await readFile(tokenPath(this.#options), 'utf8')).trim();
    const headers = { Authorization: `Bearer ${token}` };
    return await serverOptions(this.#apiServer, { headers }, signal);
  }

  renew(generation: number): void {
    if (generation === this.#generation) this.#generation++;
  }
}

function serverOf(environment: AccessOptions['environment']): string {
  const host = environment.KUBERNETES_SERVICE_HOST ?? '';
  const port = environment.KUBERNETES_SERVICE_PORT ?? '';
  if (host === '' || port === '') {
    throw new AccessError(
      'there is a service account, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: name the server',
    );
  }
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
