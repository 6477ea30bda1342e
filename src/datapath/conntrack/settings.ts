/**
 * The settings of connection tracking that kube-proxy makes, by its own rules: each optional, 0 leaves a value as it is.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export interface ConntrackSettings {
  /** Entries for each CPU; with it the maximum is set, to at least `min`. */
  readonly maxPerCore: number;
  readonly min: number;
  /** Seconds. */
  readonly tcpEstablishedTimeout: number;
  /** Seconds. */
  readonly tcpCloseWaitTimeout: number;
  /** Segments out of their window are translated like others, instead of being called invalid. */
  readonly tcpBeLiberal: boolean;
  /** Seconds; flows with packets one way. */
  readonly udpTimeout: number;
  /** Seconds; flows with packets both ways. */
  readonly udpStreamTimeout: number;
}

/** A kernel parameter below `net.netfilter`, and what it should be. */
export interface WantedSysctl {
  readonly name: string;
  readonly value: number;
  /** A greater value stays: another program or an administrator set it. */
  readonly onlyRaise: boolean;
}

/** Entries of the table for each bucket, as kube-proxy and the kernel's own default have it. */
const ENTRIES_A_BUCKET = 4;

/**
 * What the settings ask for. The buckets are set by `nf_conntrack_buckets`, which does what kube-proxy does by
 * /sys/module/nf_conntrack/parameters/hashsize and needs no writable /sys.
 */
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
  /** What could not be, each with the reason and the value that stays. */
  readonly refused: readonly string[];
}

/**
 * Writes what differs, in the network namespace of the calling thread: synchronously, since another thread may be in
 * another one. Never throws.
 *
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

/** These two belong to the machine, not to a network namespace. */
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
