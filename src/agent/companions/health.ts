import type { HealthFacts } from '../../observe/health.ts';
import { PROXY_HEALTH, serveHealth } from '../../observe/health-server.ts';
import type { ListenAddress } from '../../observe/listening.ts';
import type { AgentSurroundings, CompanionFactory } from '../companion.ts';

/**
 * Serves `/livez`, `/readyz` and `/healthz`.
 *
 * @param proxyAddress kube-proxy's health address, also served once kube-proxy has freed it; null: nowhere
 */
export function healthEndpoints(
  address: ListenAddress | null,
  proxyAddress: ListenAddress | null = null,
): CompanionFactory {
  return (agent) => ({
    name: 'health',
    serve: async (signal) => {
      const { logger, surroundings } = agent;
      const answered = (path: string, status: number) => {
        const { metrics } = agent.observations;
        const code = status === 200 ? '200' : '503';
        if (path === '/healthz') metrics.increment('kubeproxy_proxy_healthz_total', { code });
        if (path === '/livez') metrics.increment('kubeproxy_proxy_livez_total', { code });
      };
      const listener = {
        listening: (where: ListenAddress) => {
          logger.info({ ...where }, 'serving health');
          agent.findings.trouble('KNAT_HEALTH_ADDRESS', null);
        },
        refused: (message: string) => agent.findings.trouble('KNAT_HEALTH_ADDRESS', message),
        answered,
      };
      // A running kube-proxy answers there itself, so this is no finding.
      const proxyListener = {
        listening: (where: ListenAddress) =>
          logger.info({ ...where }, "serving health where load balancers ask for kube-proxy's"),
        refused: (message: string) =>
          logger.info(`${message}; it is tried again every second, until kube-proxy has left it`),
        answered,
      };
      const facts = () => agent.health();
      await Promise.all([
        address === null ? null : serveHealth(address, facts, listener, surroundings.sleep, signal),
        proxyAddress === null
          ? null
          : serveHealth(proxyAddress, facts, proxyListener, surroundings.sleep, signal, PROXY_HEALTH),
      ]);
    },
  });
}

/** Alive, not ready, while the cluster is asked for settings. The agent later reports an address in use. */
export async function serveStartingHealth(
  address: ListenAddress,
  { wallClock, sleep }: Pick<AgentSurroundings, 'wallClock' | 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  const facts = (): HealthFacts => ({
    now: wallClock().getTime(),
    synced: false,
    programmedAt: null,
    failingSince: null,
    convergingSince: null,
    nodeEligible: true,
  });
  await serveHealth(address, facts, { listening: () => {}, refused: () => {} }, sleep, signal);
}
