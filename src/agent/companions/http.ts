import type { ApiClient } from '../../kube-api/client.ts';
import { Reviews } from '../../kube-api/reviews.ts';
import { Gate, isLoopback } from '../../observe/http/gate.ts';
import { type HttpListener, serveHttp } from '../../observe/http/http-server.ts';
import type { TlsPaths } from '../../observe/http/tls-files.ts';
import { formatListenAddress, type ListenAddress } from '../../observe/listening.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';

export interface HttpOptions {
  /** Null: nowhere. */
  readonly address: ListenAddress | null;
  /** Serves only `/metrics`; null: nowhere. */
  readonly metricsAddress: ListenAddress | null;
  /** Null: without TLS. */
  readonly tls: TlsPaths | null;
  /** No token is needed on `metricsAddress`. */
  readonly openMetrics: boolean;
}

/** @param client the cluster that checks tokens; null: none */
export function httpServers(options: HttpOptions, client: ApiClient | null): CompanionFactory {
  return (agent) => ({
    name: 'HTTP',
    serve: async (signal) => {
      const { address, metricsAddress, tls } = options;
      const gate = gateOf(agent, client, signal);
      const parts = async () => ({
        api: await agent.api(),
        view: agent.view,
        gate,
        openMetrics: options.openMetrics,
      });
      const sites = () => import('../../observe/http/site.ts');
      const { sleep } = agent.surroundings;
      const serving: Promise<void>[] = [];
      if (address !== null) {
        const served = { what: 'the API', option: '--http-address', rival: '' };
        const listener = listenerOf(agent, 'KNAT_HTTP_ADDRESS', served.what, options, client !== null);
        const site = async () => (await sites()).wholeSite(await parts());
        serving.push(serveHttp({ address, served, site, tls }, listener, sleep, signal));
      }
      if (metricsAddress !== null) {
        const served = { what: 'metrics', option: '--metrics-address', rival: ', perhaps kube-proxy' };
        const listener = listenerOf(agent, 'KNAT_METRICS_ADDRESS', served.what, options, client !== null);
        const site = async () => (await sites()).metricsSite(await parts());
        serving.push(serveHttp({ address: metricsAddress, served, site, tls }, listener, sleep, signal));
      }
      await Promise.all(serving);
    },
  });
}

function gateOf(agent: AgentFacts, client: ApiClient | null, signal: AbortSignal): Gate {
  const { metrics } = agent.observations;
  return new Gate({
    reviewer: client === null ? null : new Reviews(client, signal),
    now: () => agent.surroundings.now(),
    reviewed: (result) => metrics.increment('knat_token_reviews_total', { result }),
  });
}

function listenerOf(
  agent: AgentFacts,
  code: 'KNAT_HTTP_ADDRESS' | 'KNAT_METRICS_ADDRESS',
  what: string,
  { tls, openMetrics }: HttpOptions,
  hasCluster: boolean,
): HttpListener {
  const { logger } = agent;
  return {
    listening: (where) => {
      agent.findings.trouble(code, null);
      logger.info({ ...where, tls: tls !== null }, `serving ${what}`);
      if (isLoopback(where.host) || (openMetrics && code === 'KNAT_METRICS_ADDRESS')) return;
      const place = formatListenAddress(where);
      if (!hasCluster) {
        logger.warn(
          `${place}: without a cluster tokens cannot be checked, so only clients on this node are served`,
        );
      } else if (tls === null) {
        logger.warn(`${place}: without --tls-cert-file bearer tokens cross the network readable by others`);
      }
    },
    refused: (message) => agent.findings.trouble(code, message),
    tls: (trouble) => agent.findings.trouble('KNAT_TLS_FILES', trouble),
  };
}
