import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { AccessError, type AccessOptions, type ApiAccess, requireServerUrl } from './access.ts';

/** Where the kubelet puts the credentials of a pod. */
const FOLDER = 'var/run/secrets/kubernetes.io/serviceaccount';

/** Path of the token. */
export function tokenPath({ root }: AccessOptions): string {
  return join(root ?? '/', FOLDER, 'token');
}

/**
 * Access of a pod, by the service account that the kubelet gives it: two files and two variables. This is how the
 * agent runs on every node, so that the official client, which takes 65 MiB, is not loaded for it (docs/adr/0005-kubernetes-source.md).
 *
 * The kubelet replaces the token before it expires; it is read for each request, so that no old one is ever used.
 */
export class ServiceAccountAccess implements ApiAccess {
  readonly server: string;
  readonly #options: AccessOptions;
  #generation = 0;

  /** Throws AccessError when the environment does not name the server. */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.server = requireServerUrl(options.server ?? serverOf(options.environment));
  }

  get generation(): number {
    return this.#generation;
  }

  async requestOptions(): Promise<RequestOptions> {
    const folder = join(this.#options.root ?? '/', FOLDER);
    const token = (await readFile(join(folder, 'token'), 'utf8')).trim();
    const headers = { Authorization: `Bearer ${token}` };
    if (this.server.startsWith('http:')) return { headers, agent: false };
    return { headers, agent: false, ca: await readFile(join(folder, 'ca.crt')) };
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
