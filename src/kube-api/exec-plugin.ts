import { type ChildProcess, spawn } from 'node:child_process';
import { AccessError } from './access.ts';
import type { KubeconfigEntry } from './kubeconfig-entry.ts';

/** A user's `exec` in a kubeconfig: a program that prints an ExecCredential. */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Help if the program is not installed; may be empty. */
  readonly installHint: string;
  /** Whether the program asks the user: never, if there is a terminal, or always (it fails without a terminal). */
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always';
  readonly provideClusterInfo: boolean;
}

/** A token, a certificate with its key, or both. */
export interface ExecCredential {
  readonly token?: string;
  /** PEM texts. */
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
}

export interface ExecSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Standard input is a terminal. */
  readonly isTerminal: boolean;
  /** `spec.cluster` of the ExecCredential, for a program with `provideClusterInfo`. */
  cluster(): Promise<object>;
}

const GROUP = 'client.authentication.k8s.io';
const VERSIONS = [`${GROUP}/v1`, `${GROUP}/v1beta1`];
const MODES = ['Never', 'IfAvailable', 'Always'] as const;

/** A credential is renewed this many milliseconds before it expires. */
const MARGIN = 10_000;

/** Bytes that the program may print. */
const OUTPUT_LIMIT = 1024 * 1024;

/** Characters of its standard error that are reported. */
const COMPLAINT_LIMIT = 2_000;

/** A program without a terminal is killed after this many milliseconds. */
const TIME_LIMIT = 60_000;

/** Throws AccessError for everything that kubectl refuses. */
export function readExec(entry: KubeconfigEntry): ExecConfig {
  const refuse = (why: string): never => {
    throw new AccessError(`the kubeconfig cannot be used: ${entry.title} ${why}`);
  };
  const command = entry.text('command');
  if (command === '') refuse('has no "command"');
  const apiVersion = entry.text('apiVersion') || `${GROUP}/v1`;
  if (!VERSIONS.includes(apiVersion)) {
    refuse(`asks for ${apiVersion}: write ${VERSIONS.join(' or ')}, and a plugin that speaks it`);
  }
  const asked = entry.text('interactiveMode') || 'IfAvailable';
  const interactiveMode =
    MODES.find((mode) => mode === asked) ?? refuse(`has an "interactiveMode" other than ${MODES.join(', ')}`);
  const env = entry.parts('env').map((each) => [each.text('name'), each.text('value')] as const);
  if (env.some(([name]) => name === '')) refuse('has a variable without "name"');
  return {
    apiVersion,
    // A path is relative to the kubeconfig; a name without `/` is searched in PATH.
    command: command.includes('/') ? entry.path('command') : command,
    args: entry.texts('args'),
    env: Object.fromEntries(env),
    installHint: entry.text('installHint'),
    interactiveMode,
    provideClusterInfo: entry.flag('provideClusterInfo'),
  };
}

/**
 * Credentials of a program (client.authentication.k8s.io). One run serves all waiting requests. A credential is used
 * until it expires, or, without an expiry time, until the server refuses it.
 */
export class ExecPlugin {
  readonly #config: ExecConfig;
  readonly #surroundings: ExecSurroundings;
  #asked: Promise<ExecCredential> | null = null;
  /** Milliseconds since the epoch. */
  #goodUntil = Number.POSITIVE_INFINITY;

  constructor(config: ExecConfig, surroundings: ExecSurroundings) {
    this.#config = config;
    this.#surroundings = surroundings;
  }

  /** Rejects if the program cannot be run, fails, or prints no ExecCredential. */
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
    const { command, apiVersion } = this.#config;
    const answer = JSON.parse(await this.#run()) as {
      readonly apiVersion?: string;
      readonly status?: ExecCredential & { readonly expirationTimestamp?: string };
    };
    if ((answer.apiVersion ?? apiVersion) !== apiVersion) {
      throw new Error(`${command} was asked for ${apiVersion} and answered in ${answer.apiVersion}`);
    }
    const { token, clientCertificateData, clientKeyData, expirationTimestamp } = answer.status ?? {};
    if (!token && !clientCertificateData) {
      throw new Error(`${command} gave neither a token nor a certificate`);
    }
    if (!clientCertificateData !== !clientKeyData) {
      throw new Error(`${command} gave a certificate without its key, or a key without its certificate`);
    }
    const end = Date.parse(expirationTimestamp ?? '');
    if (!Number.isNaN(end)) this.#goodUntil = end;
    return answer.status ?? {};
  }

  async #run(): Promise<string> {
    const { command, args, env, installHint, interactiveMode } = this.#config;
    const { environment, isTerminal } = this.#surroundings;
    if (interactiveMode === 'Always' && !isTerminal) {
      throw new Error(`${command} asks a person (interactiveMode: Always), and there is no terminal`);
    }
    const interactive = isTerminal && interactiveMode !== 'Never';
    const question = JSON.stringify(await this.#question(interactive));
    const child = spawn(command, args, {
      env: { ...environment, ...env, KUBERNETES_EXEC_INFO: question },
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', interactive ? 'inherit' : 'pipe'],
    });
    try {
      return await printed(command, child, interactive ? null : TIME_LIMIT);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const hint = code === 'ENOENT' && installHint !== '' ? `; ${installHint}` : '';
      throw new Error(`${message}${hint}`, { cause: error });
    } finally {
      child.kill('SIGKILL');
      // A child of the program may still hold the other end open.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }

  async #question(interactive: boolean): Promise<object> {
    const { apiVersion, provideClusterInfo } = this.#config;
    const cluster = provideClusterInfo ? { cluster: await this.#surroundings.cluster() } : {};
    return { apiVersion, kind: 'ExecCredential', spec: { interactive, ...cluster } };
  }
}

/**
 * The program's output. Rejects if it cannot be started, fails, prints too much, or takes longer than `limit`
 * milliseconds (null: no limit).
 */
async function printed(command: string, child: ChildProcess, limit: number | null): Promise<string> {
  return await new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new Error(`${command} ${why}`));
    const timer =
      limit === null
        ? undefined
        : setTimeout(() => refuse(`gave no credential within ${limit / 1000} s`), limit);
    let output = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      output += piece;
      if (output.length > OUTPUT_LIMIT) refuse(`printed more than ${OUTPUT_LIMIT} bytes`);
    });
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      complaint = (complaint + piece).slice(0, COMPLAINT_LIMIT);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (status === 0) resolve(output);
      else
        refuse(
          `ended with ${signal ?? `status ${status}`}${complaint === '' ? '' : `: ${complaint.trim()}`}`,
        );
    });
  });
}
