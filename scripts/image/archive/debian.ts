import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { debianMirror } from '../root-file-system.ts';
import { type Architecture, DEBIAN, FILES, LEFT_OUT, PACKAGES } from './parts.ts';

/** A binary package of Debian. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Unpacks Debian's packages for the architecture, which need not be that of this machine, into an empty folder. apt checks
 * their signatures; no program of theirs is run. Returns the packages, by name.
 */
export function unpackDebian(architecture: Architecture, root: string, work: string): DebianPackage[] {
  const apt = new Apt(architecture, resolve(work));
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  const whole = apt.download(['install', '--download-only', '--yes', ...PACKAGES]);
  for (const file of whole) execFileSync('dpkg-deb', ['--extract', file, join(root, 'usr/..')]);
  removeLeftOut(root);
  const parts = Object.entries(FILES).flatMap(([name, files]) => {
    const downloaded = apt.download(['download', name]);
    const from = join(work, `from-${name}`);
    for (const file of downloaded) execFileSync('dpkg-deb', ['--extract', file, from]);
    for (const file of [...files, `usr/share/doc/${name}/copyright`]) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      cpSync(join(from, file), join(root, file), { verbatimSymlinks: true });
    }
    return downloaded;
  });
  return [...whole, ...parts]
    .map((file) => recordPackage(file, root))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** apt with settings, lists and downloads of its own, as on a machine without any package. */
class Apt {
  readonly #folder: string;
  readonly #config: string;

  constructor(architecture: Architecture, folder: string) {
    this.#folder = folder;
    this.#config = join(folder, 'apt.conf');
    mkdirSync(join(folder, 'lists/partial'), { recursive: true });
    const mirror = debianMirror();
    const { release } = DEBIAN;
    const sources = [
      [mirror, release],
      [mirror, `${release}-updates`],
      [mirror.replace(/debian\/?$/, 'debian-security'), `${release}-security`],
    ].map(([address, suite]) => `deb [signed-by=${KEYRING}] ${address} ${suite} main\n`);
    writeFileSync(join(folder, 'sources.list'), sources.join(''));
    writeFileSync(join(folder, 'status'), '');
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Debug::NoLocking': 'true',
      'Dir::Cache': folder,
      'Dir::Etc::sourcelist': join(folder, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State': folder,
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    writeFileSync(this.#config, lines.join(''));
    this.#run(['update'], folder);
  }

  /** Runs a command that downloads packages; returns their files. */
  download(words: readonly string[]): string[] {
    const folder = join(this.#folder, `archives-${words[0]}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'partial'), { recursive: true });
    this.#run(['-o', `Dir::Cache::archives=${folder}`, ...words], folder);
    const files = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    return files.sort().map((name) => join(folder, name));
  }

  #run(words: readonly string[], cwd: string): void {
    execFileSync('apt-get', ['-qq', ...words], {
      cwd,
      env: { ...process.env, APT_CONFIG: this.#config },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}

function removeLeftOut(root: string): void {
  const visit = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const isFolder = lstatSync(join(root, path)).isDirectory();
      if (isFolder) visit(path);
      const isLeftOut = LEFT_OUT.some((pattern) => pattern.test(isFolder ? `${path}/` : path));
      if (
        isLeftOut ||
        (isFolder && readdirSync(join(root, path)).length === 0 && path.startsWith('usr/share'))
      ) {
        rmSync(join(root, path), { recursive: true });
      }
    }
  };
  visit('');
}

/** Keeps the package's description where scanners look for it in images without dpkg. */
function recordPackage(file: string, root: string): DebianPackage {
  const control = execFileSync('dpkg-deb', ['--field', file], { encoding: 'utf8' });
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
  const name = field('Package');
  const folder = join(root, 'var/lib/dpkg/status.d');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), control);
  return { name, version: field('Version'), architecture: field('Architecture') };
}
