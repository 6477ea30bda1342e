import type { KubeProxyFinding } from '../datapath/coexistence/kube-proxy.ts';
import type { Status } from '../forms/status.ts';
import type { Logger } from '../observe/logger.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import type { ServiceGuard } from './kube-proxy-guard.ts';
import { KubeProxySight, type ProxyRules, warnOfUnseen } from './kube-proxy-sight.ts';
import { RuleKeeper, type WatchRules } from './rule-keeper.ts';

/** Milliseconds between two looks without a notification: legacy iptables sends none. */
const LOOK_EVERY = 10_000;

/** Milliseconds until a second look: one may fall between two writings of kube-proxy. */
const SECOND_LOOK = 1_000;

/** A kube-proxy that writes all the time takes at most 2 % of a processor from us. */
const REST_PER_WORK = 50;

export interface ServicesLeftParts {
  /** Whether kube-proxy had the Services when this agent started, so that it starts without Service NAT. */
  readonly isLeft: boolean;
  /** Called once: kube-proxy has come or gone, so an agent with or without Service NAT must follow this one. */
  readonly moved: () => void;
  readonly watch: WatchRules;
  readonly logger: Logger;
  readonly surroundings: Pick<LoopSurroundings, 'sleep'> & { readonly wallClock: () => Date };
}

/**
 * Leaves Service NAT to kube-proxy for as long as its rules are there, and to knat when they are not. It never writes:
 * the agent starts anew when kube-proxy comes or goes.
 */
export class ServicesLeft implements ServiceGuard {
  readonly #parts: ServicesLeftParts;
  readonly #sight: KubeProxySight;

  constructor(proxy: ProxyRules, parts: ServicesLeftParts) {
    this.#parts = parts;
    this.#sight = new KubeProxySight(proxy, parts.surroundings.wallClock);
  }

  get status(): Status['kubeProxy'] {
    return this.#sight.status;
  }

  async admit(signal: AbortSignal): Promise<void> {
    const { isLeft, logger } = this.#parts;
    const finding = await this.#look(signal);
    warnOfUnseen(finding, logger);
    if (isLeft) {
      logger.warn(
        { found: finding.found },
        'kube-proxy does Service NAT here, so knat does not; --replace-kube-proxy makes knat do it',
      );
    }
  }

  async takeOver(): Promise<void> {}

  async watch(signal: AbortSignal): Promise<void> {
    const { watch, surroundings } = this.#parts;
    const keeper = new RuleKeeper({
      settle: () => this.#settle(signal),
      ...{ watch, sleeper: surroundings, every: LOOK_EVERY, restPerWork: REST_PER_WORK },
    });
    keeper.due();
    await keeper.run(signal);
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { isLeft, moved, logger, surroundings } = this.#parts;
    try {
      if ((await this.#isThere(signal)) === isLeft) return;
      await surroundings.sleep(SECOND_LOOK, signal);
      if (signal.aborted || (await this.#isThere(signal)) === isLeft) return;
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'looking for kube-proxy failed');
      return;
    }
    logger.info(
      isLeft
        ? 'kube-proxy is gone: knat does Service NAT from now on'
        : 'kube-proxy has come: knat leaves Service NAT to it',
    );
    moved();
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    return (await this.#look(signal)).found.length > 0;
  }

  async #look(signal: AbortSignal): Promise<KubeProxyFinding> {
    return await this.#sight.look(signal, { removals: 0, keepsServices: this.#parts.isLeft });
  }
}
