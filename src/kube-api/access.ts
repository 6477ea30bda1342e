import type { RequestOptions } from 'node:https';

/** Address and credentials of the API server. */
export interface ApiAccess {
  /** URL of the API server, without a slash at its end. */
  readonly server: string;
  /** Counts how often the credentials were read. */
  readonly generation: number;
  /**
   * Agent, TLS and authorization for one request. Files are read each time, so that renewed ones are used. @param
   * signal its abort also ends a connection to a proxy
   */
  requestOptions(signal: AbortSignal): Promise<RequestOptions>;
  /**
   * Call when the server refuses the credentials: forgets cached ones and reads the configuration again. Does nothing
   * if that happened since `generation`. If the configuration cannot be read, the old one stays.
   */
  renew(generation: number): void;
}

/** Default: `$KUBECONFIG`, `~/.kube/config`, the pod's service account. */
export interface AccessOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** URL that replaces the configured server; credentials and CA stay. */
  readonly server?: string;
  /** An exec plugin may ask a person. */
  readonly isTerminal?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that stands for `/` when the service account is looked for; for tests. */
  readonly root?: string;
}

/** The configuration names no usable cluster and must be corrected. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** Throws AccessError unless the text is the URL of a server. */
export function requireServerUrl(text: string): string {
  if (URL.canParse(text) && /^https?:\/\/[^/]/.test(text)) return text.replace(/\/+$/, '');
  throw new AccessError(`the server "${text}" is no URL: write https://ADDRESS:PORT`);
}
