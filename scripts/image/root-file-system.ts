import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files that the slim images of Debian leave out of every package. */
const SLIM = ['/usr/share/doc/*', '/usr/share/info/*', '/usr/share/locale/*', '/usr/share/man/*'];

/** Environment of the machine without which npm and apt may not reach their registries. */
const PASSED = /^(https?_proxy|no_proxy|npm_config_.*)$/i;

/** Makes the file system of `debian:RELEASE-slim` with debootstrap, from the mirror that this machine's apt uses. */
export function debianSlim(release: string, folder: string): void {
  if (existsSync(join(folder, 'knat-complete'))) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`debootstrap --variant=minbase ${release}`);
  execFileSync('debootstrap', ['--variant=minbase', release, folder, debianMirror()], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const excludes = SLIM.map((path) => `path-exclude ${path}`);
  writeFileSync(join(folder, 'etc/dpkg/dpkg.cfg.d/slim'), `${excludes.join('\n')}\n`);
  const clean =
    'rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/*.log';
  execFileSync('chroot', [folder, 'sh', '-c', `rm -rf ${SLIM.join(' ')}; ${clean}`]);
  writeFileSync(join(folder, 'knat-complete'), '');
}

/** The first mirror of Debian itself in /etc/apt. Throws when there is none. */
export function debianMirror(): string {
  const listed = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(ORIGIN)'], {
    encoding: 'utf8',
  });
  const mirror = listed.split('\n').find((line) => /\/debian\/? Debian$/.test(line));
  if (mirror === undefined) throw new Error('/etc/apt names no mirror of Debian; run apt-get update first');
  return mirror.replace(/ Debian$/, '');
}

/** A copy that shares blocks with the original where the file system can do that. */
export function copyTree(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  execFileSync('cp', ['-a', '--reflink=auto', from, to]);
}

/** Runs a RUN instruction in the folder, with the network and the resolver of this machine. Throws when it fails. */
export function runInside(folder: string, workdir: string, command: string): void {
  const resolver = join(folder, 'etc/resolv.conf');
  cpSync('/etc/resolv.conf', resolver, { dereference: true });
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  const trusted = '/run/knat-certificates.crt';
  if (existsSync(certificates)) writeFileSync(join(folder, trusted), readFileSync(certificates));
  const registry = execFileSync('npm', ['config', 'get', 'registry', '--loglevel=error'], {
    encoding: 'utf8',
  });
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name))),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    DEBIAN_FRONTEND: 'noninteractive',
    npm_config_registry: registry.trim(),
    npm_config_cafile: trusted,
    NODE_EXTRA_CA_CERTS: trusted,
  };
  const mounted = 'mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"';
  const script = `${mounted} && exec chroot "$1" sh -c 'cd "$1" && eval "$2"' sh "$2" "$3"`;
  const { status, stdout } = spawnSync(
    'unshare',
    ['-m', 'sh', '-c', script, 'sh', folder, workdir, command],
    {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 << 20,
    },
  );
  rmSync(join(folder, trusted), { force: true });
  if (status !== 0) throw new Error(`RUN ${command} ended with ${status}:\n${stdout.slice(-4000)}`);
}
