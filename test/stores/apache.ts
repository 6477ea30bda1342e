import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Debian's, package apache2-bin. */
const PROGRAM = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';

/** Debian's users `nobody` and `nogroup`: Apache does not serve as root. */
const NOBODY = 65534;

export type Authentication = 'none' | 'basic' | 'digest';

export const USER = 'knat';
export const PASSWORD = 'p@ss word/:';

/**
 * Apache with mod_dav on 127.0.0.1, in the network namespace of this process, with a temporary configuration and folder.
 */
export class Apache {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'knat-apache-'));
  #child: ChildProcess | null = null;

  /** The folder that it serves. */
  readonly documents = join(this.#folder, 'dav');

  constructor(port: number, authentication: Authentication) {
    this.port = port;
    chmodSync(this.#folder, 0o755);
    for (const folder of [this.documents, join(this.#folder, 'locks')]) {
      mkdirSync(folder);
      chownSync(folder, NOBODY, NOBODY);
    }
    const realm = 'state';
    const hash = (algorithm: string, text: string) => createHash(algorithm).update(text);
    const sha = hash('sha1', PASSWORD).digest('base64');
    writeFileSync(join(this.#folder, 'basic'), `${USER}:{SHA}${sha}\n`);
    const md5 = hash('md5', `${USER}:${realm}:${PASSWORD}`).digest('hex');
    writeFileSync(join(this.#folder, 'digest'), `${USER}:${realm}:${md5}\n`);
    writeFileSync(join(this.#folder, 'apache.conf'), this.#configuration(authentication, realm));
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ['-DFOREGROUND', '-f', join(this.#folder, 'apache.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    this.#child = child;
    for (let attempt = 0; attempt < 200; attempt++) {
      if (child.exitCode !== null) throw new Error(`apache2 ended: ${complaint}`);
      if (await this.#answers()) return;
      await sleep(50);
    }
    throw new Error(`apache2 does not listen: ${complaint}`);
  }

  /** Ends it; its folder stays for another start. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  async #answers(): Promise<boolean> {
    return await new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }

  #configuration(authentication: Authentication, realm: string): string {
    const modules = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user'];
    modules.push('auth_basic', 'auth_digest', 'dav', 'dav_fs');
    const [type, provider] = authentication === 'basic' ? ['Basic', 'AuthBasic'] : ['Digest', 'AuthDigest'];
    const protection =
      authentication === 'none'
        ? 'Require all granted'
        : `AuthType ${type}\nAuthName "${realm}"\n${provider}Provider file\nAuthUserFile ${join(this.#folder, authentication)}\nRequire valid-user`;
    return `ServerRoot ${this.#folder}
ServerName 127.0.0.1
Listen 127.0.0.1:${this.port}
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
User #${NOBODY}
Group #${NOBODY}
StartServers 1
ThreadsPerChild 4
MinSpareThreads 1
MaxSpareThreads 4
ServerLimit 1
MaxRequestWorkers 4
PidFile ${join(this.#folder, 'pid')}
DefaultRuntimeDir ${this.#folder}
ErrorLog ${join(this.#folder, 'error.log')}
DavLockDB ${join(this.#folder, 'locks', 'db')}
DocumentRoot ${this.documents}
<Directory ${this.documents}>
Dav On
${protection}
</Directory>
`;
  }
}
