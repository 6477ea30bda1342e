import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts for a server on loopback, and for a client. */
export interface Certificates {
  readonly authority: string;
  readonly authorityKey: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** The certificate of the user `knat`. */
  readonly clientCertificate: string;
  readonly clientKey: string;
}

const NAMES = 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc';

/**
 * Makes an authority and a certificate for each side with openssl; they are valid for a day.
 * @param of certificates whose authority signs the new ones too; null: a new one
 */
export function makeCertificates(of: Certificates | null = null): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'knat-certificates-'));
  const openssl = (line: string, ...more: string[]) =>
    execFileSync('openssl', [...line.split(' '), ...more], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  try {
    if (of === null) {
      openssl(`req -x509 ${key} -days 1 -keyout ca.key -out ca.crt -subj`, '/CN=knat test authority');
    } else {
      writeFileSync(join(folder, 'ca.crt'), of.authority);
      writeFileSync(join(folder, 'ca.key'), of.authorityKey);
    }
    const sign = (name: string, subject: string, extension: string) => {
      openssl(`req ${key} -keyout ${name}.key -out ${name}.csr -subj`, subject);
      writeFileSync(join(folder, 'extension'), extension);
      openssl(
        `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out ${name}.crt -extfile extension`,
      );
    };
    sign('server', '/CN=kube-apiserver', NAMES);
    sign('client', '/CN=knat', 'extendedKeyUsage=clientAuth');
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    return {
      authority: read('ca.crt'),
      authorityKey: read('ca.key'),
      serverCertificate: read('server.crt'),
      serverKey: read('server.key'),
      clientCertificate: read('client.crt'),
      clientKey: read('client.key'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
