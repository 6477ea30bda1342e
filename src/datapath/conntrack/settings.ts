/** The conntrack settings that kube-proxy makes, by its own rules: each is optional, 0 leaves a value unchanged. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface ConntrackSettings {
  /** Entries for each CPU; sets the maximum, to at least `min`. */
  readonly maxPerCore: number;
  readonly min: number;
  /** Seconds. */
  readonly tcpEstablishedTimeout: number;
  /** Seconds. */
  readonly tcpCloseWaitTimeout: number;
  /** Translate out-of-window segments instead of marking them invalid. */
  readonly tcpBeLiberal: boolean;
  /** Seconds, for flows with packets in one direction. */
  readonly udpTimeout: number;
  /** Seconds, for flows with packets in both directions. */
  readonly udpStreamTimeout: number;
}

/** A kernel parameter below `net.netfilter` and its wanted value. */
export interface WantedSysctl {
  readonly name: string;
  readonly value: number;
  /** Keep a greater value: another program or an administrator set it. */
  readonly onlyRaise: boolean;
}

/** Table entries for each bucket: kube-proxy's value and the kernel's default. */
const ENTRIES_A_BUCKET = 4;

/** Buckets are set by `nf_conntrack_buckets`: unlike kube-proxy's parameter `hashsize`, it needs no writable /sys. */
export function conntrackSysctls(settings: ConntrackSettings, cpus: number): WantedSysctl[] {
  const { maxPerCore, min, tcpBeLiberal } = settings;
  const wanted: WantedSysctl[] = [];
  const max = maxPerCore > 0 ? Math.max(maxPerCore * cpus, min) : 0;
  const raise = (name: string, value: number) => wanted.push({ name, value, onlyRaise: true });
  if (max > 0) {
    raise('nf_conntrack_max', max);
    raise('nf_conntrack_buckets', Math.floor(max / ENTRIES_A_BUCKET));
  }
  for (const [name, value] of [
    ['nf_conntrack_tcp_timeout_established', settings.tcpEstablishedTimeout],
    ['nf_conntrack_tcp_timeout_close_wait', settings.tcpCloseWaitTimeout],
    ['nf_conntrack_tcp_be_liberal', tcpBeLiberal ? 1 : 0],
    ['nf_conntrack_udp_timeout', settings.udpTimeout],
    ['nf_conntrack_udp_timeout_stream', settings.udpStreamTimeout],
  ] as const) {
    if (value > 0) wanted.push({ name, value, onlyRaise: false });
  }
  return wanted;
}

export interface SysctlOutcome {
  /** What was written: `nf_conntrack_udp_timeout 30 → 60`. */
  readonly written: readonly string[];
  /** What could not be written, with the reason and the remaining value. */
  readonly refused: readonly string[];
}

/**
 * Writes values that differ, in the network namespace of the calling thread. Synchronous, since another thread may be
 * in another namespace. Never throws.
 * @param folder for tests
 */
export function writeSysctls(
  wanted: readonly WantedSysctl[],
  folder = '/proc/sys/net/netfilter',
): SysctlOutcome {
  const written: string[] = [];
  const refused: string[] = [];
  for (const { name, value, onlyRaise } of wanted) {
    let now = 'unknown';
    try {
      now = readFileSync(`${folder}/${name}`, 'utf8').trim();
      if (Number(now) === value || (onlyRaise && Number(now) > value)) continue;
      writeFileSync(`${folder}/${name}`, `${value}\n`, { flag: 'r+' });
      written.push(`${name} ${now} → ${value}`);
    } catch (error) {
      refused.push(`${name} stays ${now} instead of ${value}: ${why(error as NodeJS.ErrnoException, name)}`);
    }
  }
  return { written, refused };
}

/** These belong to the machine, not to a network namespace. */
const GLOBAL: readonly string[] = ['nf_conntrack_max', 'nf_conntrack_buckets'];

function why(error: NodeJS.ErrnoException, name: string): string {
  switch (error.code) {
    case 'ENOENT':
      return 'this kernel does not have it, or nf_conntrack is not loaded';
    case 'EROFS':
      return '/proc/sys is read-only here';
    case 'EACCES':
    case 'EPERM':
      return GLOBAL.includes(name)
        ? "it is the machine's, and can be set in its first network namespace only"
        : 'the process may not write it';
    default:
      return error.message;
  }
}
