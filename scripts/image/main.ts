import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage, type Image } from './build.ts';

/** `make test-image`: builds the root file system of the image and runs the program in it as the chart does. */

const manifests = 'scripts/image/manifests';
/** Folders that are volumes in the container. */
const inside = '/run/manifests';
/** Programs that an image without build tools does not have. */
const tools = ['npm', 'npx', 'gcc', 'make', 'git', 'python3', 'curl', 'wget'];

const image = buildImage();
cpSync(manifests, join(image.folder, inside), { recursive: true });
let passed = 0;
let failures = 0;

const agent = `agent --once --strict --source dir:${inside} --node worker-1 --log-format json`;
const script = [
  'knat version',
  `knat ${agent}`,
  `knat ${agent}`,
  'nft list ruleset >/dev/null',
  `knat explain --source dir:${inside} --node worker-1 --from 192.0.2.99 --to 10.96.0.10:80`,
  'knat cleanup',
  'test -z "$(nft list ruleset)"',
];
const { status, output } = runAsChart(image, script.join(' && '));
console.log(output.trimEnd());
check('all commands succeed', status === 0);
const written = [...output.matchAll(/"skeleton":"(\w+)","elementsAdded":(\d+),"elementsDeleted":(\d+)/g)];
check('the first run writes', written[0]?.[1] === 'loaded' && Number(written[0][2]) > 0);
check('the second run writes nothing', written[1]?.slice(1).join() === 'kept,0,0');
check(
  'nft prints names of protocols',
  runAsChart(image, `knat ${agent} && nft list ruleset`).output.includes('. tcp .'),
);
check('nft of this machine reads what nft of the image wrote', machineReads(image));
check(
  'there are no build tools',
  tools.every((tool) => !has(image, tool)),
);
check('the file system stays read-only', runAsChart(image, 'touch /tmp/x').output.includes('Read-only'));
check('the entry point is there', has(image, image.entrypoint[0] ?? ''));
console.log(
  `size: ${sizeOf(image.folder)} MiB in all, ${sizeOf(join(image.folder, 'opt/knat'))} MiB of them knat`,
);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;

function check(what: string, holds: boolean): void {
  console.log(`${holds ? 'ok' : 'FAILED'}: ${what}`);
  if (holds) passed++;
  else failures++;
}

/** Runs a script in a new network namespace, as root with only NET_ADMIN, on a read-only file system. */
function runAsChart(
  { folder }: Image,
  command: string,
  after = '',
): { status: number | null; output: string } {
  const confined =
    'setpriv --no-new-privs --bounding-set=-all,+net_admin --inh-caps=-all,+net_admin sh -c "$2"';
  const steps = [
    'mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc"',
    'mount --bind /dev "$1/dev" && mount -o remount,bind,ro "$1"',
    `chroot "$1" ${confined}`,
    ...(after === '' ? [] : [after]),
  ];
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const args = ['-n', '-m', 'sh', '-c', `(${steps.join(' && ')}) 2>&1`, 'sh', folder, command];
  const { status, stdout } = spawnSync('unshare', args, { env, encoding: 'utf8', timeout: 60_000 });
  return { status, output: stdout };
}

/** An operator's machine often has another version of nft than the image. */
function machineReads(built: Image): boolean {
  const { status, output } = runAsChart(
    built,
    `knat ${agent} >/dev/null 2>&1`,
    'nft --version && nft list ruleset | wc -l',
  );
  const [version = '', lines = ''] = output.trim().split('\n').slice(-2);
  console.log(`${version}: ${lines} lines`);
  return status === 0 && Number(lines) > 1000;
}

function has({ folder }: Image, program: string): boolean {
  return spawnSync('chroot', [folder, 'sh', '-c', 'command -v "$1"', 'sh', program]).status === 0;
}

function sizeOf(folder: string): number {
  return Number(/^\d+/.exec(execFileSync('du', ['-sxm', folder], { encoding: 'utf8' }))?.[0]);
}
