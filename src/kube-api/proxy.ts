import { isIP, isIPv6 } from 'node:net';
import { parseAddress } from '../net/address.ts';
import { parseLoosePrefix, prefixContains } from '../net/prefix.ts';
import { AccessError } from './access.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const PROTOCOLS = ['http:', 'https:', 'socks5:', 'socks5h:'];

/** The proxy of `proxy-url`. Throws AccessError if the URL or its protocol cannot be used. */
export function proxyOf(text: string): URL {
  if (URL.canParse(text) && PROTOCOLS.includes(new URL(text).protocol)) return new URL(text);
  throw new AccessError(
    `the proxy "${text}" is no URL: write http://ADDRESS:PORT (or https, or socks5) as proxy-url`,
  );
}

/**
 * The proxy that the environment names for a server, by the rules of Go's programs, and so of kubectl
 * (golang.org/x/net/http/httpproxy): `HTTPS_PROXY` or `HTTP_PROXY`, unless `NO_PROXY` lists the server; in small letters
 * too. Servers of this host are never asked through a proxy. Null: none.
 */
export function environmentProxy(server: URL, environment: Environment): URL | null {
  const variable = (name: string) => environment[name] || environment[name.toLowerCase()] || '';
  const text = variable(server.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY');
  if (text === '' || isExempt(server, variable('NO_PROXY'))) return null;
  return proxyOf(text.includes('://') ? text : `http://${text}`);
}

/** Whether `NO_PROXY` lists the server, or it is of this host. */
function isExempt(server: URL, list: string): boolean {
  const host = bare(server.hostname);
  const port = server.port || (server.protocol === 'http:' ? '80' : '443');
  const patterns = ['127.0.0.0/8', '::1', ...list.toLowerCase().split(',')].map((each) => each.trim());
  return host === 'localhost' || patterns.some((pattern) => isListed(host, port, pattern));
}

/** A pattern is `*`, a prefix, an address, or a name for itself and what is below it; the last two perhaps with a port. */
function isListed(host: string, port: string, pattern: string): boolean {
  if (pattern === '*') return true;
  if (pattern.includes('/')) return isWithin(host, pattern);
  const [, name = '', listedPort = port] = isIPv6(pattern)
    ? ['', pattern]
    : (/^(.*?)(?::(\d+))?$/.exec(pattern) ?? []);
  if (name === '' || listedPort !== port) return false;
  if (isIP(bare(name)) !== 0) return isWithin(host, `${bare(name)}/${isIPv6(bare(name)) ? 128 : 32}`);
  const domain = name.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isWithin(host: string, prefix: string): boolean {
  const [address, network] = [parseAddress(host), parseLoosePrefix(prefix)];
  return address !== null && network !== null && prefixContains(network, address);
}

/** A host without the brackets that a URL writes around IPv6. */
export function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
