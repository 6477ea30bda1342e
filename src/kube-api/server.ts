import type { RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from 'node:tls';
import { type KubeconfigEntry, type Pem, readPem } from './kubeconfig-entry.ts';
import { bare, environmentProxy, proxyOf } from './proxy.ts';
import { secureContextOf } from './tls-contexts.ts';
import { openTunnel } from './tunnel.ts';

/** Address of the API server, and how its certificate is checked. */
export interface ApiServer {
  readonly url: string;
  readonly authority: Pem;
  readonly isUnverified: boolean;
  /** Name that the certificate must have; empty: that of the URL. */
  readonly tlsServerName: string;
  /** Unparsed; empty: none. */
  readonly proxyUrl: string;
  readonly proxy: URL | null;
  /** Configuration of the cluster for exec plugins. */
  readonly execConfig: unknown;
}

/** The extension of a cluster that is passed to exec plugins. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

/** Throws AccessError. @param url the cluster's `server`, or its replacement */
export function readServer(
  cluster: KubeconfigEntry,
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): ApiServer {
  const proxyUrl = cluster.text('proxy-url');
  return {
    url,
    authority: cluster.pem('certificate-authority'),
    isUnverified: cluster.flag('insecure-skip-tls-verify'),
    tlsServerName: cluster.text('tls-server-name'),
    proxyUrl,
    proxy: proxyUrl === '' ? environmentProxy(new URL(url), environment) : proxyOf(proxyUrl),
    execConfig: cluster
      .parts('extensions')
      .find((each) => each.text('name') === EXEC_EXTENSION)
      ?.value('extension'),
  };
}

/** Each request has its own connection. */
export async function serverOptions(
  server: ApiServer,
  credentials: RequestOptions,
  signal: AbortSignal,
): Promise<RequestOptions> {
  const url = new URL(server.url);
  const host = bare(url.hostname);
  const name = server.tlsServerName || host;
  const ca = await readPem(server.authority);
  const { cert, key } = credentials;
  const isPlain = url.protocol === 'http:';
  const context = isPlain ? null : secureContextOf({ ca, cert, key });
  const tls: ConnectionOptions = {
    ca,
    cert,
    key,
    ...(context === null ? {} : { secureContext: context }),
    rejectUnauthorized: !server.isUnverified,
    // TLS has no server name for an address; the address is compared with the certificate below.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  };
  const options: RequestOptions = { ...credentials, ...tls };
  const { proxy } = server;
  if (proxy === null) return { ...options, agent: false };
  const port = Number(url.port || (isPlain ? 80 : 443));
  const connected = async () => {
    const socket = await openTunnel(proxy, host, port, signal);
    return isPlain ? socket : connectTls({ ...tls, host, socket });
  };
  return {
    ...options,
    createConnection: (_, callback) => {
      connected().then(
        (socket) => callback(null, socket),
        // Node.js uses only the error, but its type requires both.
        (error) => callback(error, undefined as never),
      );
      return undefined;
    },
  };
}
