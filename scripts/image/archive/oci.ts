import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Architecture } from './parts.ts';
import { type Entry, tarOf } from './tar.ts';

export interface ImageParts {
  /** `docker.io/library/knat:0.1.0` */
  readonly name: string;
  readonly architecture: Architecture;
  /** Seconds of Unix time. */
  readonly time: number;
  readonly layers: readonly { readonly about: string; readonly entries: readonly Entry[] }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** An archive, and the digest of its manifest, by which registries and nodes know the image. */
export interface Archive {
  readonly bytes: Buffer;
  readonly digest: string;
  /** Size of all files, uncompressed, bytes. */
  readonly unpacked: number;
}

const TYPE = 'application/vnd.oci.image';

/**
 * An image as OCI image layout in a tar archive, with the manifest.json beside it that `docker load` of older versions reads.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function archiveOf(image: ImageParts): Archive {
  const { name, architecture, time, labels } = image;
  const blobs = new Map<string, Buffer>();
  const blob = (mediaType: string, content: Buffer) => {
    const hash = sha256(content);
    blobs.set(`blobs/sha256/${hash}`, content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const created = `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
  const tars = image.layers.map(({ entries }) => tarOf(entries, time));
  const config = blob(
    `${TYPE}.config.v1+json`,
    json({
      created,
      architecture,
      os: 'linux',
      config: {
        Env: image.environment,
        Entrypoint: image.entrypoint,
        Cmd: image.command,
        WorkingDir: '/',
        Labels: labels,
      },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
      history: image.layers.map(({ about }) => ({ created, created_by: 'make image', comment: about })),
    }),
  );
  const layers = tars.map((tar) => blob(`${TYPE}.layer.v1.tar+gzip`, gzipSync(tar, { level: 9 })));
  const manifest = blob(
    `${TYPE}.manifest.v1+json`,
    json({ schemaVersion: 2, mediaType: `${TYPE}.manifest.v1+json`, config, layers, annotations: labels }),
  );
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.replace(/^.*:/, ''),
  };
  const platform = { architecture, os: 'linux' };
  const index = {
    schemaVersion: 2,
    mediaType: `${TYPE}.index.v1+json`,
    manifests: [{ ...manifest, annotations, platform }],
  };
  const pathOf = ({ digest }: { digest: string }) => `blobs/${digest.replace(':', '/')}`;
  const forDocker = [{ Config: pathOf(config), RepoTags: [name], Layers: layers.map(pathOf) }];
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(index)],
    ['manifest.json', json(forDocker)],
    ...[...blobs].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  const entries: Entry[] = [
    { path: 'blobs', kind: 'folder', mode: 0o755 },
    { path: 'blobs/sha256', kind: 'folder', mode: 0o755 },
    ...[...files].map(([path, bytes]) => ({ path, kind: 'file', mode: 0o644, bytes }) as const),
  ];
  const unpacked = image.layers
    .flatMap(({ entries }) => entries)
    .reduce((sum, entry) => sum + sizeOf(entry), 0);
  return { bytes: tarOf(entries, time), digest: manifest.digest, unpacked };
}

function sizeOf(entry: Entry): number {
  return entry.kind === 'file' ? entry.bytes.length : 0;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
