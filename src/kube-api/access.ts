import type { RequestOptions } from 'node:https';

/** Where the API server is and how to speak to it. */
export interface ApiAccess {
  /** URL of the API server, without a slash at its end. */
  readonly server: string;
  /** Grows when the credentials are read anew. */
  readonly generation: number;
  /**
   * Agent, TLS and authorization for one request. Files are read each time, so that renewed ones are used.
   *
   * @param signal of the request: ends what is done for it, such as a connection through a proxy
   */
  requestOptions(signal: AbortSignal): Promise<RequestOptions>;
  /**
   * Forgets cached credentials and reads the configuration anew: the server does not accept them any longer. Does
   * nothing when that was done since `generation`; what cannot be read leaves everything as it is.
   */
  renew(generation: number): void;
}

/** Which cluster, and as whom. Without any of it: `$KUBECONFIG`, `~/.kube/config`, the pod's service account. */
export interface AccessOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** Name of a context of the kubeconfig, instead of its current one. */
  readonly context?: string;
  /** URL of the API server, instead of what the configuration says; credentials and CA stay. */
  readonly server?: string;
  /** A person can be asked, by an exec plugin that wants to. */
  readonly isTerminal?: boolean;
  /** Environment variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that stands for `/` when the service account is looked for; for tests. */
  readonly root?: string;
}

/** The configuration names no cluster that could be asked: a person has to correct it. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** Throws AccessError unless the text is the URL of a server. */
export function requireServerUrl(text: string): string {
  if (URL.canParse(text) && /^https?:\/\/[^/]/.test(text)) return text.replace(/\/+$/, '');
  throw new AccessError(`the server "${text}" is no URL: write https://ADDRESS:PORT`);
}
