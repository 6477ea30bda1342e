import { FAMILIES, type Family } from '../../net/family.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { runProgram } from '../program.ts';
import { dropText, forwardEdit } from './forward-edit.ts';
import { parseSavedForward, type SavedForward } from './forward-saved.ts';
import { retried } from './iptables-chains.ts';
import {
  FLAVOURS,
  type Flavour,
  hasLegacyTable,
  PROGRAMS,
  programOf,
  type RunProgram,
} from './iptables-program.ts';
import { type ForwardHook, forwardHooks, nativeDrop } from './native-forward.ts';

/** A chain that drops what was translated, although it was to be opened where that is possible. */
export interface RemainingDrop {
  readonly family: Family;
  /** For people: `chain FORWARD of iptables-legacy (policy drop)`. */
  readonly where: string;
  readonly remedy: string;
}

export interface ForwardReport {
  readonly drops: readonly RemainingDrop[];
  /** Where our rule was put or moved, and where it was taken away, for people: `chain FORWARD of iptables-nft`. */
  readonly opened: readonly string[];
  readonly closed: readonly string[];
}

/** What was found and done in one chain of iptables. */
interface Outcome {
  readonly where: string;
  readonly drop: Omit<RemainingDrop, 'family'> | null;
  readonly written: 'opened' | 'closed' | null;
}

const OPEN_IT =
  'let "-m conntrack --ctstate DNAT -j ACCEPT" pass there, or let knat do so: --manage-forward is off';

/**
 * The chains of others through which forwarded packets pass, and our one rule in those of iptables. An accept in a
 * table of nf_tables cannot undo a drop in another one, so a host whose FORWARD chain drops (docker, ufw) would drop what
 * we translated.
 */
export class ForwardChains {
  readonly #connection = NftablesConnection.open();
  readonly #run: RunProgram;

  constructor(run: RunProgram = runProgram) {
    this.#run = run;
  }

  /**
   * Looks at all chains; in those of iptables, puts our rule where something drops and takes it away where nothing does, or
   * where the family is not wanted. A failure in one chain does not stop the others.
   *
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
        const outcome = await this.#settleIptables(family, flavour, wanted.has(family), mayWrite, signal);
        if (outcome === 'native') continue;
        if (flavour === 'nft' && hook !== undefined) read.add(hook);
        if (outcome.drop !== null && wanted.has(family)) drops.push({ family, ...outcome.drop });
        if (outcome.written === 'opened') opened.push(outcome.where);
        else if (outcome.written === 'closed') closed.push(outcome.where);
      }
    }
    for (const hook of hooks.filter((one) => !read.has(one)))
      drops.push(...(await this.#native(hook, wanted)));
    return { drops, opened, closed };
  }

  /** True when legacy iptables has rules here: nobody tells of their changes, they have to be looked at. */
  hasLegacy(): boolean {
    return FAMILIES.some(hasLegacyFilter);
  }

  /** Takes our rules away, wherever they are; gives where that was. */
  async remove(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.settle(new Set(), true, signal)).closed;
  }

  close(): void {
    this.#connection.close();
  }

  /** `native`: the table is none that iptables can read. */
  async #settleIptables(
    family: Family,
    flavour: Flavour,
    wanted: boolean,
    mayWrite: boolean,
    signal: AbortSignal,
  ): Promise<'native' | Outcome> {
    if (flavour === 'nft' && this.#isForeignTo(family)) return 'native';
    const program = await programOf(this.#run, family, flavour, signal);
    if (program === null) {
      if (flavour === 'nft') return 'native';
      const where = `chain FORWARD of legacy ${PROGRAMS[family].name}, if it drops,`;
      const remedy = 'install the package iptables where knat runs, so that it can be looked at';
      return { where, drop: { where, remedy }, written: null };
    }
    const where = `chain FORWARD of ${program}`;
    const saved = await this.#read(program, signal);
    if (saved === null) return flavour === 'nft' ? 'native' : { where, drop: null, written: null };
    const drops = dropText(saved);
    const drop = (remedy: string) => ({ where: `${where} (${drops})`, remedy });
    if (!mayWrite) {
      const isOpen = drops === null || saved.ours.length > 0;
      return { where, drop: isOpen ? null : drop(OPEN_IT), written: null };
    }
    const script = forwardEdit(saved, wanted);
    if (script === '') return { where, drop: null, written: null };
    try {
      await this.#run([`${program}-restore`, '--noflush', ...waiting(flavour)], script, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return { where, drop: drop(error instanceof Error ? error.message : String(error)), written: null };
    }
    return { where, drop: null, written: script.includes('-I FORWARD') ? 'opened' : 'closed' };
  }

  /** iptables-nft prints rules that look something up in a set without that condition, as if they matched all packets. */
  #isForeignTo(family: Family): boolean {
    return this.#connection
      .rules(PROGRAMS[family].table, 'filter')
      .some(({ expressions = [] }) => expressions.some(({ name }) => name === 'lookup'));
  }

  async #read(program: string, signal: AbortSignal): Promise<SavedForward | null> {
    const text = await this.#run([`${program}-save`, '-t', 'filter'], '', signal);
    return text === null ? null : parseSavedForward(text);
  }

  async #native(hook: ForwardHook, wanted: ReadonlySet<Family>): Promise<RemainingDrop[]> {
    const drop = await retried(async () => nativeDrop(this.#connection, hook));
    if (drop === null) return [];
    const where = `chain ${drop.chain} of table ${drop.family} ${drop.table} (${drop.why})`;
    const families = FAMILIES.filter((family) => wanted.has(family) && concerns(hook, family));
    const remedy = isIptables(hook, families[0] ?? 'IPv4')
      ? 'install the package iptables where knat runs, or let translated packets pass with a rule "ct status dnat accept"'
      : 'let translated packets pass with a rule "ct status dnat accept" before that';
    return families.map((family) => ({ family, where, remedy }));
  }
}

function isIptables(hook: ForwardHook, family: Family): boolean {
  return hook.family === PROGRAMS[family].table && hook.table === 'filter' && hook.chain === 'FORWARD';
}

function concerns(hook: ForwardHook, family: Family): boolean {
  return hook.family === 'inet' || hook.family === PROGRAMS[family].table;
}

function hasLegacyFilter(family: Family): boolean {
  return hasLegacyTable(family, 'filter');
}

/** Legacy iptables has one lock for all who write; seconds to wait for it. */
function waiting(flavour: Flavour): readonly string[] {
  return flavour === 'legacy' ? ['--wait', '10'] : [];
}
