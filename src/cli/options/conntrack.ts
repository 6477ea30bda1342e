import type { AgentRun } from '../../agent/agent-run.ts';
import type { SettingValues } from './table.ts';

/** What the options say of connection tracking. */
export function conntrackOf(values: SettingValues): NonNullable<AgentRun['conntrack']> {
  return {
    maxPerCore: values.conntrackMaxPerCore ?? 0,
    min: values.conntrackMin ?? 0,
    tcpEstablishedTimeout: values.conntrackTcpTimeoutEstablished ?? 0,
    tcpCloseWaitTimeout: values.conntrackTcpTimeoutCloseWait ?? 0,
    tcpBeLiberal: values.conntrackTcpBeLiberal ?? false,
    udpTimeout: values.conntrackUdpTimeout ?? 0,
    udpStreamTimeout: values.conntrackUdpTimeoutStream ?? 0,
  };
}
