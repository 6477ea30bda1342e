import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A package of the npm registry and the hash of its archive, as package-lock.json writes it. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Downloads and unpacks a package into a new folder; none of its scripts is run. Throws Error when it has another hash. */
export function unpackNpm({ name, version, integrity }: NpmPackage, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, `${name}@${version}`];
  execFileSync('npm', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [file] = readdirSync(folder);
  if (file === undefined) throw new Error(`npm pack ${name}@${version} wrote no file`);
  const archive = join(folder, file);
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name}@${version} has ${found}, and not ${integrity}`);
  execFileSync('tar', [
    '--extract',
    '--gzip',
    '--no-same-owner',
    '--strip-components=1',
    '-f',
    archive,
    '-C',
    folder,
  ]);
  rmSync(archive);
}

/** The packages of package-lock.json that run with knat, for a platform. `koffi` brings one for each. */
export function runtimePackages(nodeArch: string): NpmPackage[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Partial<NpmPackage> & { dev?: boolean; os?: string[]; cpu?: string[] }>;
  };
  return Object.entries(packages).flatMap(([path, { version, integrity, dev, os, cpu }]) => {
    const name = path.replace(/^.*node_modules\//, '');
    const isElsewhere =
      (os?.includes('linux') ?? true) === false || (cpu?.includes(nodeArch) ?? true) === false;
    if (path === '' || dev === true || isElsewhere) return [];
    if (version === undefined || integrity === undefined)
      throw new Error(`package-lock.json: ${path} has no hash`);
    return [{ name, version, integrity }];
  });
}
