/** Times are milliseconds since the epoch. */
export interface HealthFacts {
  readonly now: number;
  /** Every source has delivered what existed at the start. */
  readonly synced: boolean;
  /** The last match of kernel and plan; null: none yet. */
  readonly programmedAt: number | null;
  /** Since when an earlier agent's rules are known to be in force, before the first match; null: unknown. */
  readonly takenOverAt?: number | null;
  /** Since when programming fails; null: the kernel matches. */
  readonly failingSince: number | null;
  /** Null: no converge is running. */
  readonly convergingSince: number | null;
  /** The Node is neither being deleted nor about to be deleted. */
  readonly nodeEligible: boolean;
}

/** The form of kube-proxy's health server. */
export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: {
    /** RFC 3339. The time of the answer while healthy, otherwise the last match; `takenOverAt` if that is given. */
    readonly lastUpdated: string;
    readonly currentTime: string;
    readonly nodeEligible?: boolean;
    /** RFC 3339. Since when an earlier agent's rules do the work, because the source is unreadable. */
    readonly takenOverAt?: string;
    readonly reason?: string;
  };
}

/** kube-proxy's 60 s: a longer converge is stuck, and a longer failure counts. */
const LATE = 60_000;

/** Go's zero time, as kube-proxy prints it. */
const NEVER = '0001-01-01T00:00:00Z';

/**
 * - `/livez`: the process works. 503 if a converge is stuck.
 * - `/readyz`: the kernel matches the plan. 503 until the first match, and while it cannot match.
 * - `/healthz`: load balancers may send new connections. 503 until the first match, after a minute without a match, and
 *   when the node is about to be deleted. After a restart 200 if the earlier agent's rules are in the kernel.
 *
 * Null for every other path.
 */
export function healthAnswer(path: string, facts: HealthFacts): HealthAnswer | null {
  switch (path) {
    case '/livez':
      return answer(stuck(facts), facts, {});
    case '/readyz':
      return answer(unready(facts) ?? failing(facts, 0), facts, {});
    case '/healthz': {
      const { nodeEligible } = facts;
      const leaving = nodeEligible ? null : 'the node is being deleted or about to be';
      const why = leaving ?? unwell(facts);
      const since = takenOver(facts);
      const more = since === null ? {} : { takenOverAt: new Date(since).toISOString() };
      return answer(why, facts, { nodeEligible, ...more });
    }
    default:
      return null;
  }
}

/** `/healthz` for health checks of Services, but also true on a node that is about to be deleted. */
export function isProxyHealthy(facts: HealthFacts): boolean {
  return unwell(facts) === null;
}

function unwell(facts: HealthFacts): string | null {
  const waiting = takenOver(facts) === null ? unready(facts) : null;
  return waiting ?? failing(facts, LATE) ?? stuck(facts);
}

/** Since when an earlier agent's rules do the work; null: they do not, or it is unknown. */
function takenOver({ programmedAt, takenOverAt = null }: HealthFacts): number | null {
  return programmedAt === null ? takenOverAt : null;
}

function stuck({ now, convergingSince }: HealthFacts): string | null {
  if (convergingSince === null || now - convergingSince <= LATE) return null;
  return `programming the kernel has taken ${Math.round((now - convergingSince) / 1000)} s and has not ended`;
}

function unready({ synced, programmedAt }: HealthFacts): string | null {
  if (!synced) return 'starting: the source has not delivered everything yet';
  return programmedAt === null ? 'starting: nothing is programmed yet' : null;
}

function failing({ now, failingSince }: HealthFacts, tolerated: number): string | null {
  if (failingSince === null || now - failingSince < tolerated) return null;
  return `the kernel has not matched for ${Math.round((now - failingSince) / 1000)} s`;
}

function answer(
  reason: string | null,
  { now, programmedAt }: HealthFacts,
  more: Pick<HealthAnswer['body'], 'nodeEligible' | 'takenOverAt'>,
): HealthAnswer {
  const currentTime = new Date(now).toISOString();
  if (reason === null) {
    return { status: 200, body: { lastUpdated: more.takenOverAt ?? currentTime, currentTime, ...more } };
  }
  const lastUpdated = programmedAt === null ? NEVER : new Date(programmedAt).toISOString();
  return { status: 503, body: { lastUpdated, currentTime, ...more, reason } };
}

/**
 * kube-proxy's form: 200 while this node has ready endpoints of the Service and the proxy is healthy, otherwise 503.
 * The weight is the number of these endpoints.
 */
export function serviceHealthAnswer(
  service: { readonly namespace: string; readonly name: string },
  localEndpoints: number,
  isProxyHealthy: boolean,
) {
  const { namespace, name } = service;
  return {
    status: localEndpoints > 0 && isProxyHealthy ? 200 : 503,
    headers: localEndpoints > 0 ? { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) } : {},
    body: { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isProxyHealthy },
  };
}
