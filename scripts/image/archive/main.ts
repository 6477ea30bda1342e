import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDockerfile } from '../dockerfile.ts';
import { unpackDebian } from './debian.ts';
import { labelsOf, wordsOf } from './instructions.ts';
import { runtimePackages } from './npm.ts';
import { archiveOf } from './oci.ts';
import { type Architecture, DEBIAN, NODE_ARCH } from './parts.ts';
import { installNode, installProgram, put } from './program.ts';
import { billOfMaterials } from './sbom.ts';
import { entriesOf } from './tar.ts';

/** `make image`: the image as an archive, without a container engine and without root. */

const { values } = parseArgs({
  options: { arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' } },
});
const architecture = values.arch as Architecture;
if (!Object.hasOwn(NODE_ARCH, architecture)) {
  throw new Error(`ARCH is ${Object.keys(NODE_ARCH).join(' or ')}, and not ${architecture}`);
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const time = timeOfSources();
const work = resolve('.tmp/image-archive', architecture);
rmSync(work, { recursive: true, force: true });
const [base, program] = ['base', 'program'].map((name) => join(work, name)) as [string, string];
for (const folder of [base, program]) mkdirSync(folder, { recursive: true });

const debian = unpackDebian(architecture, base, join(work, 'apt'));
installNode(architecture, base, work);
const accounts = [
  'root:x:0:0:root:/root:/usr/sbin/nologin',
  'nobody:x:65534:65534:nobody:/:/usr/sbin/nologin',
];
put(base, 'etc/passwd', `${accounts.join('\n')}\n`);
put(base, 'etc/group', 'root:x:0:\nnogroup:x:65534:\n');
put(base, 'etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\n');
put(base, 'etc/os-release', `ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="${DEBIAN.version}"\n`);
for (const folder of ['dev', 'proc', 'run', 'sys', 'tmp']) mkdirSync(join(base, folder));

const npm = runtimePackages(NODE_ARCH[architecture]);
installProgram(architecture, npm, { root: program, base, work });
const bill = billOfMaterials({ version, architecture, debian, npm }, time);
put(program, 'usr/share/sbom/knat.spdx.json', bill);

const last = parseDockerfile(readFileSync('Dockerfile', 'utf8')).at(-1)?.instructions ?? [];
// The Dockerfile starts from an image, this one from packages.
const { 'org.opencontainers.image.base.name': _, ...labels } = labelsOf(last);
const name = `docker.io/library/knat:${version}`;
const archive = archiveOf({
  name,
  architecture,
  time,
  layers: [
    { about: 'Node.js and packages of Debian', entries: entriesOf(base) },
    { about: 'knat', entries: entriesOf(program) },
  ],
  labels,
  environment: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  entrypoint: wordsOf(last, 'ENTRYPOINT'),
  command: wordsOf(last, 'CMD'),
});
const file = `dist/knat-${version}-${architecture}.oci.tar`;
writeFileSync(file, archive.bytes);
writeFileSync(`dist/knat-${version}-${architecture}.spdx.json`, bill);
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(`${file}: ${mebibytes(archive.bytes.length)}, unpacked ${mebibytes(archive.unpacked)}`);
console.log(`image: ${name}\ndigest: ${archive.digest}`);

/** SOURCE_DATE_EPOCH, or the time of the last commit: every file of the image has it. */
function timeOfSources(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  const text = given ?? execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' });
  const seconds = Number(text);
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw new Error(`SOURCE_DATE_EPOCH is no time: ${text}`);
  return seconds;
}
