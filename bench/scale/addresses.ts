/**
 * Finds IPv4 addresses in register bytes and netlink messages, whatever the layout of the sets is: fields and attributes
 * begin at a multiple of four bytes from the start.
 */
export function* addressesIn(bytes: Uint8Array, start: number, end: number): Generator<string> {
  for (let at = start; at + 4 <= end; at += 4) {
    const [first, second] = [bytes[at], bytes[at + 1]];
    if (first !== 10 || second === undefined) continue;
    if (isPod(second) || isService(second) || isEgressPod(second)) {
      yield `10.${second}.${bytes[at + 2]}.${bytes[at + 3]}`;
    }
  }
}

// The networks of kube-objects.ts and egress-objects.ts, by their second byte.

export function isPod(second: number): boolean {
  return second >= 128;
}

export function isService(second: number): boolean {
  return second >= 96 && second < 112;
}

export function isEgressPod(second: number): boolean {
  return second === 32;
}
