import { isIP, isIPv6 } from 'node:net';
import { parseAddress } from '../net/address.ts';
import { parseLoosePrefix, prefixContains } from '../net/prefix.ts';
import { AccessError } from './access.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const PROTOCOLS = ['http:', 'https:', 'socks5:', 'socks5h:'];

/** Throws AccessError if the URL or its protocol cannot be used. */
export function proxyOf(text: string): URL {
  if (URL.canParse(text) && PROTOCOLS.includes(new URL(text).protocol)) return new URL(text);
  throw new AccessError(
    `the proxy "${text}" is no URL: write http://ADDRESS:PORT (or https, or socks5) as proxy-url`,
  );
}

/**
 * The proxy for a server from the environment, by the rules of Go's programs, and so of kubectl
 * (golang.org/x/net/http/httpproxy): `HTTPS_PROXY` or `HTTP_PROXY`, unless `NO_PROXY` lists the server; lower case too.
 * Servers on this host never use a proxy. Null: none.
 */
export function environmentProxy(server: URL, environment: Environment): URL | null {
  const variable = (name: string) => environment[name] || environment[name.toLowerCase()] || '';
  const text = variable(server.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY');
  if (text === '' || isExempt(server, variable('NO_PROXY'))) return null;
  return proxyOf(text.includes('://') ? text : `http://${text}`);
}

/** True if `NO_PROXY` lists the server, or it is on this host. */
function isExempt(server: URL, list: string): boolean {
  const host = bare(server.hostname);
  const port = server.port || (server.protocol === 'http:' ? '80' : '443');
  const patterns = ['127.0.0.0/8', '::1', ...list.toLowerCase().split(',')].map((each) => each.trim());
  return host === 'localhost' || patterns.some((pattern) => isListed(host, port, pattern));
}

/** A pattern is `*`, a prefix, an address, or a domain with its subdomains; the last two may have a port. */
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

/** Removes the brackets of IPv6 in URLs. */
export function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
