import { readFile } from 'node:fs/promises';
import type { PortSpan } from '../../net/port.ts';
import { parsePortList } from '../../sources/objects/port-list.ts';

/** Documentation/networking/ip-sysctl.rst: `8080,9148-9150`. */
const RESERVED = '/proc/sys/net/ipv4/ip_local_reserved_ports';

/** The ports that this host gives to nobody who does not ask for them; none where that cannot be read. */
export async function reservedPorts(): Promise<readonly PortSpan[]> {
  return parsePortList(await readFile(RESERVED, 'utf8').catch(() => ''));
}
