import { formatEndpoint } from '../../../src/net/address.ts';

/** With port 0, as of ICMP, the address alone. */
export function place(address: string, port: number): string {
  return port === 0 ? address : formatEndpoint(address, port);
}
