/** What the health endpoints know of the agent. Times are milliseconds since the epoch. */
export interface HealthFacts {
  readonly now: number;
  /** Every source has delivered what existed at the start. */
  readonly synced: boolean;
  /** When the kernel was last made to match; null: not yet. */
  readonly programmedAt: number | null;
  /** Since when the rules of an earlier agent are known to be in force, before the first match; null: not known. */
  readonly takenOverAt?: number | null;
  /** Since when programming fails; null: the kernel matches. */
  readonly failingSince: number | null;
  /** When the present converge began; null: none is running. */
  readonly convergingSince: number | null;
  /** The Node is neither being deleted nor about to be deleted. */
  readonly nodeEligible: boolean;
}

/** The forms of kube-proxy's health server. */
export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: {
    /**
     * RFC 3339. The time of the answer while healthy; else when the kernel was last made to match; `takenOverAt` where
     * that is given.
     */
    readonly lastUpdated: string;
    readonly currentTime: string;
    readonly nodeEligible?: boolean;
    /** Since when the rules of an earlier agent do the work, because the source cannot be read. RFC 3339. */
    readonly takenOverAt?: string;
    /** Why it is not healthy. */
    readonly reason?: string;
  };
}

/** A converge that takes longer is stuck, and a failure that lasts longer counts: kube-proxy's 60 s. */
const LATE = 60_000;

/** Go's zero time, as kube-proxy prints it. */
const NEVER = '0001-01-01T00:00:00Z';

/**
 * - `/livez`: the process works. 503 if a converge is stuck.
 * - `/readyz`: the kernel matches what the source wants. 503 until it does for the first time, and while it cannot.
 * - `/healthz`: new connections may come here, for load balancers. 503 until the kernel matches for the first time,
 *   when it has not matched for a minute, and when the node is about to be deleted. After a restart it is 200 if the rules
 *   of the earlier agent are in the kernel, since they do the work.
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

/**
 * Whether the proxy works, for health checks of Services: `/healthz` without the question whether the node is about to be
 * deleted, which a load balancer asks `/healthz` itself.
 */
export function isProxyHealthy(facts: HealthFacts): boolean {
  return unwell(facts) === null;
}

function unwell(facts: HealthFacts): string | null {
  const waiting = takenOver(facts) === null ? unready(facts) : null;
  return waiting ?? failing(facts, LATE) ?? stuck(facts);
}

/** Since when the rules of an earlier agent do the work; null: they do not, or it is not known. */
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
 * The answer to the health check of a Service, in kube-proxy's form: 200 while this node has ready endpoints of the
 * Service and the proxy is healthy, else 503. The weight is the number of these endpoints.
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
