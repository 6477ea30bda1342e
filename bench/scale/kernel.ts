import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../src/lab/host.ts';
import { NFGENMSG } from '../../src/wire/messages.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES, nftMessageOf } from '../../src/wire/nftables/numbers.ts';
import { subscribe } from '../../src/wire/notifications.ts';
import { inNamespace } from '../nodes.ts';
import { addressesIn } from './addresses.ts';
import { type Change, clock } from './messages.ts';

const RECEIVE_BUFFER = 64 << 20;
/** A generation that stays this long is the last one of a start. */
const QUIET_MS = 1000;
const POLL_MS = 5;
/** The kernel may have the last changes so much later than the API server. */
const LAST_MS = 30_000;

/** Waits until the ruleset of the host has not changed for a second; gives the time of its last change (`clock`). */
export async function lastGeneration(host: Host, signal: AbortSignal): Promise<number> {
  const kernel = inNamespace(host, () => new NftablesConnection());
  try {
    let { id } = kernel.generation();
    for (let at = clock(); ; ) {
      signal.throwIfAborted();
      await sleep(POLL_MS);
      const now = kernel.generation().id;
      if (now !== id) [id, at] = [now, clock()];
      else if (clock() - at > QUIET_MS) return at;
    }
  } finally {
    kernel.close();
  }
}

/**
 * Sockets in other network namespaces of the machine that listen to nf_tables. The kernel asks for listeners of all namespaces
 * before it makes notifications (netlink_has_listeners in net/netlink/af_netlink.c).
 */
export function foreignListeners(host: Host): number {
  const own = inNamespace(host, () => readlinkSync('/proc/thread-self/ns/net'));
  const seen = new Set([own]);
  let count = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/net`);
      if (seen.has(namespace)) continue;
      seen.add(namespace);
      count += listenersIn(readFileSync(`/proc/${pid}/net/netlink`, 'utf8'));
    } catch {
      // the process has ended
    }
  }
  return count;
}

const NETLINK_NETFILTER = 12;

/** @param table `sk Eth Pid Groups …` a line, the groups in hexadecimal */
function listenersIn(table: string): number {
  const [, ...lines] = table.trim().split('\n');
  return lines.filter((line) => {
    const [, protocol, , groups = ''] = line.trim().split(/\s+/);
    const isListening = (Number.parseInt(groups, 16) >> (NFNLGRP_NFTABLES - 1)) & 1;
    return Number(protocol) === NETLINK_NETFILTER && isListening === 1;
  }).length;
}

/** When addresses came into elements of the kernel, and when they left, by its notifications. */
export class ElementWatch {
  readonly #added = new Map<string, number[]>();
  readonly #removed = new Map<string, number[]>();
  readonly #stop: () => void;
  #hasLost = false;
  #transactions = 0;

  /** The notifications of this host, from now on. */
  constructor(host: Host) {
    const wanted = {
      protocol: 'NETLINK_NETFILTER',
      groups: [NFNLGRP_NFTABLES],
      receiveBuffer: RECEIVE_BUFFER,
    } as const;
    this.#stop = inNamespace(host, () =>
      subscribe(
        wanted,
        ({ type, bytes, start, end }) => {
          if (type >>> 8 !== NFNL_SUBSYS_NFTABLES) return;
          const message = nftMessageOf(type & 0xff);
          if (message === 'NFT_MSG_NEWGEN') this.#transactions++;
          const times =
            message === 'NFT_MSG_NEWSETELEM'
              ? this.#added
              : message === 'NFT_MSG_DELSETELEM'
                ? this.#removed
                : null;
          if (times === null) return;
          const now = clock();
          for (const address of addressesIn(bytes, start + NFGENMSG, end)) {
            const known = times.get(address);
            if (known === undefined) times.set(address, [now]);
            else known.push(now);
          }
        },
        () => {
          this.#hasLost = true;
        },
      ),
    );
  }

  get transactions(): number {
    return this.#transactions;
  }

  close(): void {
    this.#stop();
  }

  /** Milliseconds from each change until the kernel had it. Waits for the last ones; throws if one never arrives. */
  async latencies(changes: readonly Change[], signal: AbortSignal): Promise<number[]> {
    const last = AbortSignal.any([signal, AbortSignal.timeout(LAST_MS)]);
    while (!last.aborted && changes.some((change) => this.#doneAt(change) === undefined)) {
      await sleep(POLL_MS * 10);
    }
    if (this.#hasLost) throw new Error('notifications of the kernel were lost');
    const missing = changes.filter((change) => this.#doneAt(change) === undefined);
    const [first] = missing;
    if (first !== undefined) {
      throw new Error(
        `${missing.length} of ${changes.length} changes never reached the kernel: ${first.address} ${first.what}`,
      );
    }
    return changes.map((change) => (this.#doneAt(change) ?? Number.NaN) - change.at);
  }

  #doneAt({ at, address, what }: Change): number | undefined {
    return (what === 'added' ? this.#added : this.#removed).get(address)?.find((time) => time >= at);
  }
}
