import { readFileSync } from 'node:fs';
import { deepEqual } from '../model/equal.ts';
import type { PortSpan } from '../net/port.ts';
import { parsePortList } from '../sources/objects/port-list.ts';
import type { ListenerClock } from './host-listeners.ts';
import type { TakenPortSource } from './taken-ports.ts';

/** Documentation/networking/ip-sysctl.rst: `8080,9148-9150`. */
const RESERVED = '/proc/sys/net/ipv4/ip_local_reserved_ports';

/** Milliseconds between two looks; docs/egress.md names it. The kernel does not notify of changed sysctls. */
const INTERVAL = 6_000;

/** Ports that this host does not use as ephemeral ports. */
export class KernelReservedPorts implements TakenPortSource {
  readonly #clock: Pick<ListenerClock, 'every'>;
  #ports: readonly PortSpan[];

  constructor(clock: Pick<ListenerClock, 'every'>) {
    this.#clock = clock;
    this.#ports = reservedPorts();
  }

  current(): { readonly reservedPorts: readonly PortSpan[] } {
    return { reservedPorts: this.#ports };
  }

  watch(onChange: () => void): () => void {
    return this.#clock.every(INTERVAL, () => {
      const now = reservedPorts();
      if (deepEqual(now, this.#ports)) return;
      this.#ports = now;
      onChange();
    });
  }
}

/** Of the calling thread's network namespace, so no other thread may call it; empty if unreadable. */
function reservedPorts(): readonly PortSpan[] {
  try {
    return parsePortList(readFileSync(RESERVED, 'utf8'));
  } catch {
    return [];
  }
}
