import { type IpAddress, parseAddress } from '../../src/net/address.ts';
import { type Port, parsePort } from '../../src/net/port.ts';

/** Reads `ip:port` or `[ip6]:port`. Throws TypeError for anything else. */
export function endpointOf(text: string): { address: IpAddress; port: Port } {
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const address = parseAddress(v6 ?? v4 ?? '');
  const number = parsePort(Number(port));
  if (address === null || number === null) throw new TypeError(`${text} is no endpoint`);
  return { address, port: number };
}
