import { FAMILIES, type Family } from '../../net/family.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { runProgram } from '../program.ts';
import { forwardEdit, savedForward } from './forward-edit.ts';
import { dropText, fateIn } from './forward-fate.ts';
import { retried } from './iptables-chains.ts';
import {
  FLAVOURS,
  type Flavour,
  hasLookups,
  legacyTables,
  PROGRAMS,
  type RunProgram,
  restoreTables,
  savedTables,
} from './iptables-program.ts';
import { type IpTableFamily, NFT_FAMILIES, nativeChains, nativeTable } from './native-tables.ts';

/** A chain that still drops translated packets after `settle`. */
export interface RemainingDrop {
  readonly family: Family;
  /** For messages: `chain FORWARD of iptables-legacy (policy drop)`. */
  readonly where: string;
  readonly remedy: string;
}

export interface ForwardReport {
  readonly drops: readonly RemainingDrop[];
  /** Where our rule was added or moved, and where it was removed: `chain FORWARD of iptables-nft`. */
  readonly opened: readonly string[];
  readonly closed: readonly string[];
}

interface Settled {
  readonly where: string;
  readonly drop: Omit<RemainingDrop, 'family'> | null;
  readonly written: 'opened' | 'closed' | null;
}

const OPEN_IT =
  'let "-m conntrack --ctstate DNAT -j ACCEPT" pass there, or let knat do so: --manage-forward is off';

/**
 * The chains of other programs at the hook forward, and our one rule in those of iptables. An accept in one nf_tables
 * table cannot undo a drop in another, so a host whose FORWARD chain drops (docker, ufw) would drop translated packets.
 */
export class ForwardChains {
  readonly #connection = new NftablesConnection();
  readonly #run: RunProgram;

  constructor(run: RunProgram = runProgram) {
    this.#run = run;
  }

  /**
   * Adds our rule to iptables chains that drop, and removes it where nothing drops or the family is not wanted. A
   * failure in one chain does not stop the others.
   * @param wanted families in which something is translated
   * @param mayWrite false: only looks
   */
  async settle(wanted: ReadonlySet<Family>, mayWrite: boolean, signal: AbortSignal): Promise<ForwardReport> {
    const drops: RemainingDrop[] = [];
    const opened: string[] = [];
    const closed: string[] = [];
    const hooks = await retried(async () => forwardHooks(this.#connection));
    const read = new Set<ForwardHook>();
    for (const family of FAMILIES) {
      for (const flavour of FLAVOURS) {
        const hook = hooks.find((one) => isIptables(one, family));
        if (flavour === 'nft' ? hook === undefined : !hasLegacyFilter(family)) continue;
        const settled = await this.#settleIptables(family, flavour, wanted.has(family), mayWrite, signal);
        if (settled === 'native') continue;
        if (flavour === 'nft' && hook !== undefined) read.add(hook);
        if (settled.drop !== null && wanted.has(family)) drops.push({ family, ...settled.drop });
        if (settled.written === 'opened') opened.push(settled.where);
        else if (settled.written === 'closed') closed.push(settled.where);
      }
    }
    for (const hook of hooks.filter((one) => !read.has(one)))
      drops.push(...(await this.#native(hook, wanted)));
    return { drops, opened, closed };
  }

  /** True when legacy iptables has rules here. It sends no events, so the chains must be polled. */
  hasLegacy(): boolean {
    return FAMILIES.some(hasLegacyFilter);
  }

  /** Removes our rules everywhere; returns where they were. */
  async remove(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.settle(new Set(), true, signal)).closed;
  }

  close(): void {
    this.#connection.close();
  }

  /** @param native the table cannot be read through iptables */
  async #settleIptables(
    family: Family,
    flavour: Flavour,
    wanted: boolean,
    mayWrite: boolean,
    signal: AbortSignal,
  ): Promise<'native' | Settled> {
    if (flavour === 'nft' && hasLookups(this.#connection, family, 'filter')) return 'native';
    const found = await savedTables(this.#run, family, flavour, signal, 'filter');
    if (found === null) {
      if (flavour === 'nft') return 'native';
      const where = `chain FORWARD of legacy ${PROGRAMS[family].name}, if it drops,`;
      const remedy = 'install the package iptables where knat runs, so that it can be looked at';
      return { where, drop: { where, remedy }, written: null };
    }
    const { program, tables } = found;
    const where = `chain FORWARD of ${program}`;
    const filter = tables?.get('filter');
    const saved = filter === undefined ? null : savedForward(filter);
    if (saved === null) return flavour === 'nft' ? 'native' : { where, drop: null, written: null };
    const drops = dropText(saved.fate);
    const drop = (remedy: string) => ({ where: `${where} (${drops})`, remedy });
    if (!mayWrite) {
      const isOpen = drops === null || saved.ours.length > 0;
      return { where, drop: isOpen ? null : drop(OPEN_IT), written: null };
    }
    const script = forwardEdit(saved, wanted);
    if (script === '') return { where, drop: null, written: null };
    try {
      await restoreTables(this.#run, { program, flavour, script }, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return { where, drop: drop(error instanceof Error ? error.message : String(error)), written: null };
    }
    return { where, drop: null, written: script.includes('-I FORWARD') ? 'opened' : 'closed' };
  }

  async #native(hook: ForwardHook, wanted: ReadonlySet<Family>): Promise<RemainingDrop[]> {
    const { family, table, chain } = hook;
    const fate = await retried(async () => fateIn(nativeTable(this.#connection, family, table), chain));
    const drops = fate === undefined ? null : dropText(fate);
    if (drops === null) return [];
    const where = `chain ${chain} of table ${family} ${table} (${drops})`;
    const families = FAMILIES.filter((family) => wanted.has(family) && concerns(hook, family));
    const remedy = isIptables(hook, families[0] ?? 'IPv4')
      ? 'install the package iptables where knat runs, or let translated packets pass with a rule "ct status dnat accept"'
      : 'let translated packets pass with a rule "ct status dnat accept" before that';
    return families.map((family) => ({ family, where, remedy }));
  }
}

interface ForwardHook {
  readonly family: IpTableFamily;
  readonly table: string;
  readonly chain: string;
}

/** NF_INET_FORWARD of include/uapi/linux/netfilter.h. */
const NF_INET_FORWARD = 2;

/** All base chains at the hook forward, including those of iptables-nft. */
function forwardHooks(connection: NftablesConnection): ForwardHook[] {
  return NFT_FAMILIES.flatMap((family) =>
    connection.tables(family).flatMap(({ name: table = '' }) =>
      nativeChains(connection, family, table)
        .filter(({ base }) => base?.type === 'filter' && base.hook === NF_INET_FORWARD)
        .map(({ name: chain }) => ({ family, table, chain })),
    ),
  );
}

function isIptables(hook: ForwardHook, family: Family): boolean {
  return hook.family === PROGRAMS[family].table && hook.table === 'filter' && hook.chain === 'FORWARD';
}

function concerns(hook: ForwardHook, family: Family): boolean {
  return hook.family === 'inet' || hook.family === PROGRAMS[family].table;
}

function hasLegacyFilter(family: Family): boolean {
  return legacyTables(family).includes('filter');
}
