import { serveHealth } from '../../observe/health-server.ts';
import type { ListenAddress } from '../../observe/listening.ts';
import type { CompanionFactory } from '../companion.ts';

/** Serves `/livez`, `/readyz` and `/healthz` on the address. */
export function healthEndpoints(address: ListenAddress): CompanionFactory {
  return (agent) => ({
    name: 'health',
    serve: async (signal) => {
      const listener = {
        listening: (where: ListenAddress) => {
          agent.logger.info({ ...where }, 'serving health');
          agent.sideProblem('KNAT_HEALTH_ADDRESS', null);
        },
        refused: (message: string) => agent.sideProblem('KNAT_HEALTH_ADDRESS', message),
        answered: (path: string, status: number) => {
          const { metrics } = agent.observations;
          const code = status === 200 ? '200' : '503';
          if (path === '/healthz') metrics.increment('kubeproxy_proxy_healthz_total', { code });
          if (path === '/livez') metrics.increment('kubeproxy_proxy_livez_total', { code });
        },
      };
      await serveHealth(address, () => agent.health(), listener, agent.surroundings.sleep, signal);
    },
  });
}
