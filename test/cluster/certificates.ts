import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts for a server on loopback. */
export interface Certificates {
  readonly authority: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

const NAMES = 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc';

/** Makes an authority and a server certificate with openssl; they are valid for a day. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'knat-certificates-'));
  const openssl = (line: string, ...more: string[]) =>
    execFileSync('openssl', [...line.split(' '), ...more], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  try {
    openssl(`req -x509 ${key} -days 1 -keyout ca.key -out ca.crt -subj`, '/CN=knat test authority');
    openssl(`req ${key} -keyout server.key -out server.csr -subj`, '/CN=kube-apiserver');
    writeFileSync(join(folder, 'names'), NAMES);
    openssl(
      'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out server.crt -extfile names',
    );
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    return {
      authority: read('ca.crt'),
      serverCertificate: read('server.crt'),
      serverKey: read('server.key'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
