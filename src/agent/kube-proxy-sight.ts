import type { KubeProxyFinding } from '../datapath/coexistence/kube-proxy.ts';
import type { Status } from '../forms/status.ts';
import type { Logger } from '../observe/logger.ts';

/** kube-proxy's rules, to look at. */
export interface ProxyRules {
  find(signal: AbortSignal): Promise<KubeProxyFinding>;
}

/** What the agent last saw of kube-proxy's rules, and since when they are there. */
export class KubeProxySight {
  readonly #proxy: ProxyRules;
  readonly #wallClock: () => Date;
  #status: Status['kubeProxy'] = null;

  constructor(proxy: ProxyRules, wallClock: () => Date) {
    this.#proxy = proxy;
    this.#wallClock = wallClock;
  }

  get status(): Status['kubeProxy'] {
    return this.#status;
  }

  /** @param about what the status says besides, if rules are found */
  async look(
    signal: AbortSignal,
    about: Pick<NonNullable<Status['kubeProxy']>, 'removals' | 'keepsServices'>,
  ): Promise<KubeProxyFinding> {
    const finding = await this.#proxy.find(signal);
    const { found } = finding;
    const since = this.#status?.since ?? this.#wallClock().toISOString();
    this.#status = found.length === 0 ? null : { found, since, ...about };
    return finding;
  }
}

export function warnOfUnseen({ unseen }: KubeProxyFinding, logger: Logger): void {
  for (const what of unseen) logger.warn(`cannot tell whether kube-proxy left rules: ${what}`);
}
