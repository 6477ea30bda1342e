import { execFileSync } from 'node:child_process';

/** Links of the namespace of this process, made by `ip`, named by a letter and a digit. */

/** @param line words of `ip`, such as `addr add 203.0.113.1/24 dev e0` */
export const ip = (line: string) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });

/** A link by what it is; it is up afterwards. `eN` is the near end of a cable. */
export function link(name: string, kind: string): void {
  if (kind === 'cable') {
    ip(`link add ${name} type veth peer name far${name}`);
    ip(`link set far${name} up`);
  } else if (kind === 'tun') ip(`tuntap add dev ${name} mode tun`);
  else ip(`link add ${name} type ${kind}`);
  ip(`link set ${name} up`);
}

/** With their addresses and routes, and the global addresses of `lo`. */
export function removeLinks(): void {
  ip('addr flush dev lo scope global');
  for (const line of ip('-br link').split('\n')) {
    const name = line.split(/[ @]/)[0] ?? '';
    // The far end goes with the near one.
    if (/^(e|b|t|v|m)\d$/.test(name)) ip(`link del ${name}`);
  }
}
