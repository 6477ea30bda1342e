import { PROXY_HEALTH, serveHealth } from '../../observe/health-server.ts';
import type { ListenAddress } from '../../observe/listening.ts';
import type { CompanionFactory } from '../companion.ts';

/**
 * Serves `/livez`, `/readyz` and `/healthz` on the address.
 *
 * @param proxyAddress where load balancers ask for kube-proxy's health: served too, as soon as kube-proxy has left it;
 *   null: nowhere
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
      // While kube-proxy is still there it answers itself: nothing is wrong.
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
