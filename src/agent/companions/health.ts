import { type HealthAddress, serveHealth } from '../../observe/health-server.ts';
import type { CompanionFactory } from '../companion.ts';

/** Serves `/livez`, `/readyz` and `/healthz` on the address. */
export function healthEndpoints(address: HealthAddress): CompanionFactory {
  return (agent) => ({
    name: 'health',
    run: async (signal) => {
      const listener = {
        listening: (where: HealthAddress) => {
          agent.logger.info({ ...where }, 'serving health');
          agent.sideProblem('KNAT_HEALTH_ADDRESS', null);
        },
        refused: (message: string) => agent.sideProblem('KNAT_HEALTH_ADDRESS', message),
      };
      await serveHealth(address, () => agent.health(), listener, agent.surroundings.sleep, signal);
    },
  });
}
