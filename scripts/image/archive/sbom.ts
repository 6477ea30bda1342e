import { createHash } from 'node:crypto';
import type { DebianPackage } from './debian.ts';
import type { NpmPackage } from './npm.ts';
import { type Architecture, DEBIAN, NODE } from './parts.ts';

/** What is in an image. */
export interface Contents {
  readonly version: string;
  readonly architecture: Architecture;
  readonly debian: readonly DebianPackage[];
  readonly npm: readonly NpmPackage[];
}

/**
 * The bill of materials as SPDX 2.3 JSON, with package URLs that scanners know. The same contents are the same document.
 * @param time seconds of Unix time
 */
export function billOfMaterials({ version, architecture, debian, npm }: Contents, time: number): string {
  const packages = [
    part('knat', version, `pkg:generic/knat@${version}`, 'Apache-2.0'),
    part(
      'node',
      NODE.version,
      `pkg:generic/node@${NODE.version}`,
      'MIT',
      NODE.packages[architecture].integrity,
    ),
    ...debian.map((each) => part(each.name, each.version, debianUrl(each))),
    ...npm.map((each) => part(each.name, each.version, npmUrl(each), undefined, each.integrity)),
  ];
  const relationships = packages.map(({ SPDXID }, index) => ({
    spdxElementId: index === 0 ? 'SPDXRef-DOCUMENT' : (packages[0]?.SPDXID ?? ''),
    relationshipType: index === 0 ? 'DESCRIBES' : 'CONTAINS',
    relatedSpdxElement: SPDXID,
  }));
  const name = `knat-${version}-${architecture}`;
  const hash = createHash('sha256').update(JSON.stringify(packages)).digest('hex');
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:knat:${name}:${hash}`,
    creationInfo: {
      created: `${new Date(time * 1000).toISOString().slice(0, 19)}Z`,
      creators: ['Tool: knat-make-image'],
    },
    packages,
    relationships,
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

function part(name: string, version: string, url: string, license = 'NOASSERTION', integrity?: string) {
  return {
    SPDXID: `SPDXRef-${url.replace(/[^A-Za-z0-9.]+/g, '-')}`,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: license,
    copyrightText: 'NOASSERTION',
    ...(integrity === undefined ? {} : { checksums: [checksum(integrity)] }),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: url }],
  };
}

function checksum(integrity: string) {
  const checksumValue = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return { algorithm: 'SHA512', checksumValue };
}

function debianUrl({ name, version, architecture }: DebianPackage): string {
  return `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-${DEBIAN.version}`;
}

function npmUrl({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
