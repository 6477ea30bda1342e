import { cpus } from 'node:os';
import { type ConntrackSettings, conntrackSysctls, writeSysctls } from '../../datapath/conntrack/settings.ts';
import type { CompanionFactory } from '../companion.ts';

/** Changes the settings once our rules are in force: only then is connection tracking active. */
export function conntrackSettings(settings: ConntrackSettings): CompanionFactory {
  return (agent) => {
    let isDone = false;
    return {
      name: 'settings of connection tracking',
      converged: () => {
        if (isDone) return;
        isDone = true;
        const { written, refused } = writeSysctls(conntrackSysctls(settings, cpus().length));
        if (written.length > 0) agent.logger.info({ written }, 'connection tracking is set');
        if (refused.length > 0) agent.findings.trouble('KNAT_CONNTRACK_SETTINGS', refused.join('; '));
      },
    };
  };
}
