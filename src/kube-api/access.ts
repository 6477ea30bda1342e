import type { RequestOptions } from 'node:https';

/** Where the API server is, and with which credentials it is asked. */
export interface ApiAccess {
  /** URL of the API server, without a slash at its end. */
  readonly server: string;
  /** Counts how often the credentials were read. */
  readonly generation: number;
  /**
   * Agent, TLS and authorization for one request. Files are read each time, so that renewed ones are used.
   *
   * @param signal of the request; its abort also ends a connection to a proxy
   */
  requestOptions(signal: AbortSignal): Promise<RequestOptions>;
  /**
   * Call when the server no longer accepts the credentials: forgets cached ones and reads the configuration again. Does
   * nothing if that happened since `generation`. If the configuration cannot be read, the old one stays.
   */
  renew(generation: number): void;
}

/** Which cluster, and with which credentials. Default: `$KUBECONFIG`, `~/.kube/config`, the pod's service account. */
export interface AccessOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** Name of a context of the kubeconfig, instead of its current one. */
  readonly context?: string;
  /** URL of the API server, instead of what the configuration says; credentials and CA stay. */
  readonly server?: string;
  /** An exec plugin may ask a person. */
  readonly isTerminal?: boolean;
  /** Environment variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that stands for `/` when the service account is looked for; for tests. */
  readonly root?: string;
}

/** The configuration names no usable cluster: a person has to correct it. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** Throws AccessError unless the text is the URL of a server. */
export function requireServerUrl(text: string): string {
  if (URL.canParse(text) && /^https?:\/\/[^/]/.test(text)) return text.replace(/\/+$/, '');
  throw new AccessError(`the server "${text}" is no URL: write https://ADDRESS:PORT`);
}
