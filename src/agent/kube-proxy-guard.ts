import type { KubeProxyFinding } from '../datapath/coexistence/kube-proxy.ts';
import type { Status } from '../forms/status.ts';
import type { Logger } from '../observe/logger.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import { KubeProxySight, type ProxyRules, warnOfUnseen } from './kube-proxy-sight.ts';

export interface OtherProxy extends ProxyRules {
  remove(signal: AbortSignal): Promise<void>;
}

/** What the agent does about a kube-proxy that may do Service NAT, too. */
export interface ServiceGuard {
  /** kube-proxy's rules at the last look; null: none. */
  readonly status: Status['kubeProxy'];
  /** Throws KubeProxyPresent if the agent must not start. */
  admit(signal: AbortSignal): Promise<void>;
  /** Called once the agent's rules are in force. */
  takeOver(signal: AbortSignal): Promise<void>;
  /** Runs until the signal aborts; called after `takeOver`. */
  watch(signal: AbortSignal): Promise<void>;
}

/** kube-proxy's rules are present; with two programs doing Service NAT it would be undefined which one decides. */
export class KubeProxyPresent extends Error {
  readonly code = 'KNAT_KUBE_PROXY_PRESENT';
  override readonly name = 'KubeProxyPresent';
  /** One line for each thing found. */
  readonly details: readonly string[];
  constructor({ found, ipvs }: KubeProxyFinding, replace: boolean) {
    const why = ipvs && replace ? '; what IPVS mode left can only be removed by kube-proxy itself' : '';
    super(`kube-proxy runs here, or has run and left its rules${why}`);
    this.details = found;
  }
}

/**
 * What an agent with Service NAT does beside kube-proxy: refuses to start, leaves the Services to it, or replaces it.
 */
export type BesideKubeProxy = 'refuse' | 'leave' | 'replace';

/** What an agent would do about kube-proxy's rules. */
export interface KubeProxyPreview {
  /** One line each. */
  readonly found: readonly string[];
  /** What could not be checked, one line each. */
  readonly unseen: readonly string[];
  /**
   * - `none`: there are no rules
   * - `leave`: kube-proxy keeps the Services, so both can work
   * - `refuse`: the agent would not start
   * - `remove`: removed once our rules are in force
   */
  readonly action: 'none' | 'leave' | 'refuse' | 'remove';
}

export function kubeProxyPreview(
  { found, unseen, ipvs }: KubeProxyFinding,
  { service, beside }: { readonly service: boolean; readonly beside: BesideKubeProxy },
): KubeProxyPreview {
  if (found.length === 0) return { found, unseen, action: 'none' };
  if (!service || beside === 'leave') return { found, unseen, action: 'leave' };
  return { found, unseen, action: beside === 'replace' && !ipvs ? 'remove' : 'refuse' };
}

/** First and longest time between two looks, in milliseconds; doubled while kube-proxy is seen. */
const LOOK_FIRST = 10_000;
const LOOK_LONGEST = 600_000;

interface GuardParts {
  /** Take over from kube-proxy, instead of refusing to start beside it. */
  readonly replace: boolean;
  readonly logger: Logger;
  readonly surroundings: Pick<LoopSurroundings, 'sleep'> & { readonly wallClock: () => Date };
}

/**
 * Ensures that only one program does Service NAT.
 *
 * Guarantees:
 * 1. `admit` throws before anything is written, unless kube-proxy may be replaced.
 * 2. `takeOver` is called once our rules are in force, so Service NAT is never interrupted.
 * 3. Rules that appear later are reported while they exist. If kube-proxy may be replaced they are also removed, with
 *    growing pauses, since a running kube-proxy writes them again.
 */
export class KubeProxyGuard implements ServiceGuard {
  readonly #proxy: OtherProxy;
  readonly #parts: GuardParts;
  readonly #sight: KubeProxySight;
  #removals = 0;

  constructor(proxy: OtherProxy, parts: GuardParts) {
    this.#proxy = proxy;
    this.#parts = parts;
    this.#sight = new KubeProxySight(proxy, parts.surroundings.wallClock);
  }

  get status(): Status['kubeProxy'] {
    return this.#sight.status;
  }

  async admit(signal: AbortSignal): Promise<void> {
    const { replace, logger } = this.#parts;
    const finding = await this.#look(signal);
    warnOfUnseen(finding, logger);
    if (finding.found.length === 0) return;
    if (!replace || finding.ipvs) throw new KubeProxyPresent(finding, replace);
    logger.info({ found: finding.found }, 'kube-proxy is replaced as soon as everything is programmed');
  }

  /** Removes kube-proxy's rules if that is configured. */
  async takeOver(signal: AbortSignal): Promise<void> {
    const { replace, logger } = this.#parts;
    const { found, ipvs } = await this.#look(signal);
    if (found.length === 0 || !replace || ipvs) return;
    this.#removals++;
    await this.#proxy.remove(signal);
    const { found: left } = await this.#look(signal);
    logger.info({ removed: found.filter((each) => !left.includes(each)), left }, 'took over from kube-proxy');
  }

  async watch(signal: AbortSignal): Promise<void> {
    const { logger, surroundings } = this.#parts;
    let wait = LOOK_FIRST;
    for (;;) {
      await surroundings.sleep(wait, signal);
      if (signal.aborted) return;
      try {
        const before = this.status;
        await this.#look(signal);
        if (this.status === null) {
          if (before !== null) logger.info('nothing is left of kube-proxy');
          if (this.#removals < 2) wait = LOOK_FIRST; // else this look may fall between two of its writings
          continue;
        }
        const again =
          this.#removals > 0 ? 'kube-proxy has its rules again: it still runs' : 'kube-proxy works here too';
        logger.warn(
          { ...this.status },
          `${again}; both do Service NAT: stop it, or leave service out of --enable`,
        );
        wait = Math.min(wait * 2, LOOK_LONGEST);
        await this.takeOver(signal);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'looking for kube-proxy failed');
      }
    }
  }

  async #look(signal: AbortSignal): Promise<KubeProxyFinding> {
    return await this.#sight.look(signal, { removals: this.#removals, keepsServices: false });
  }
}
