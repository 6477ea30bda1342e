import { execFile } from 'node:child_process';
import type { Cluster } from '@kubernetes/client-node';

/** `exec` of a user in a kubeconfig: a program that prints an ExecCredential. */
export interface ExecConfig {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
}

/** What the program gave: a token, a certificate with its key, or both. */
export interface ExecCredential {
  readonly token?: string;
  /** PEM texts. */
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
}

/** Milliseconds before its end from which on a credential is not used any longer. */
const MARGIN = 10_000;

/** What the program may print. */
const OUTPUT_LIMIT = 1024 * 1024;

/**
 * Credentials of a program, as client.authentication.k8s.io says: asked for once for all requests that wait for it, and
 * used until they expire, or as long as the server takes them where no end is told. (The official client runs the program
 * for every request in that case, and for each of those that begin at the same time.)
 */
export class ExecPlugin {
  readonly #config: ExecConfig;
  readonly #cluster: Cluster | null;
  #asked: Promise<ExecCredential> | null = null;
  /** Milliseconds since the epoch. */
  #goodUntil = Number.POSITIVE_INFINITY;

  constructor(config: ExecConfig, cluster: Cluster | null) {
    this.#config = config;
    this.#cluster = cluster;
  }

  /** Rejects when the program cannot be run, fails, or prints something else. */
  async credential(now: number): Promise<ExecCredential> {
    if (now > this.#goodUntil - MARGIN) this.#asked = null;
    this.#asked ??= this.#ask().catch((error: unknown) => {
      this.#asked = null;
      throw error;
    });
    return await this.#asked;
  }

  async #ask(): Promise<ExecCredential> {
    this.#goodUntil = Number.POSITIVE_INFINITY;
    const { command = '' } = this.#config;
    const { status } = JSON.parse(await this.#run(command)) as {
      readonly status?: ExecCredential & { readonly expirationTimestamp?: string };
    };
    if (status?.token === undefined && status?.clientCertificateData === undefined) {
      throw new Error(`${command} gave neither a token nor a certificate`);
    }
    const end = Date.parse(status.expirationTimestamp ?? '');
    if (!Number.isNaN(end)) this.#goodUntil = end;
    return status;
  }

  async #run(command: string): Promise<string> {
    const { args, env, installHint } = this.#config;
    const told = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    const options = {
      env: { ...process.env, ...told, KUBERNETES_EXEC_INFO: JSON.stringify(this.#question()) },
      maxBuffer: OUTPUT_LIMIT,
    };
    return await new Promise((resolve, reject) => {
      execFile(command, args ?? [], options, (error, output, complaint) => {
        if (error === null) return resolve(output);
        const hint = error.code === 'ENOENT' && installHint !== undefined ? `; ${installHint}` : '';
        reject(new Error(`${error.message}${hint}`, { cause: complaint }));
      }).stdin?.end();
    });
  }

  #question(): object {
    const { apiVersion = 'client.authentication.k8s.io/v1', provideClusterInfo = false } = this.#config;
    const { server, caData, skipTLSVerify, tlsServerName, proxyUrl } = this.#cluster ?? {};
    const cluster = {
      server,
      'certificate-authority-data': caData,
      'insecure-skip-tls-verify': skipTLSVerify,
      'tls-server-name': tlsServerName,
      'proxy-url': proxyUrl,
    };
    const spec = { interactive: false, ...(provideClusterInfo ? { cluster } : {}) };
    return { apiVersion, kind: 'ExecCredential', spec };
  }
}
