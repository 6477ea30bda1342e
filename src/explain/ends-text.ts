import { formatEndpoint, type IpAddress } from '../net/address.ts';

interface Ends {
  readonly src: IpAddress;
  readonly sport: number;
  readonly dst: IpAddress;
  readonly dport: number;
}

/** `10.96.0.10:80`; without ports (ICMP) the address alone. */
export function placeText(address: string, port: number): string {
  return port === 0 ? address : formatEndpoint(address, port);
}

/** `TCP 10.244.1.7:40001 (Pod shop/a) → 10.96.0.10:80 (Service shop/web)` */
export function connectionText(
  protocol: string,
  { src, sport, dst, dport }: Ends,
  { from, to }: { readonly from: string | null; readonly to: string | null },
): string {
  return `${protocol} ${named(src, sport, from)} → ${named(dst, dport, to)}`;
}

function named(address: IpAddress, port: number, name: string | null): string {
  const end = placeText(address, port);
  return name === null ? end : `${end} (${name})`;
}
