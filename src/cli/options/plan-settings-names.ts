import type { SettingName } from './table.ts';

/** The options that decide what is planned: the same for every command that plans. */
export const PLAN_SETTINGS: readonly SettingName[] = [
  'source',
  'node',
  'nodeConfig',
  'enable',
  'maxManifestMib',
  'kubeconfig',
  'context',
  'master',
  'kubeProxyConfig',
  'clusterCidr',
  'detectLocalMode',
  'podBridgeInterface',
  'podInterfaceNamePrefix',
  'annotationKey',
  'restrictedPorts',
  'includeFilterNetworks',
  'excludeFilterNetworks',
  'internalNetworks',
  'requireReady',
  'natPortRange',
  'natPortExclusions',
  'natOutgoingAddress',
  'natOutgoingInterfaceFilter',
  'natOutgoingExclusions',
  'mostSpecificPoolWins',
  'ipMasqAgentConfig',
  'masqueradeHostTraffic',
];

/** The options that set connection tracking: the agent's alone. */
export const CONNTRACK_SETTINGS: readonly SettingName[] = [
  'conntrackMaxPerCore',
  'conntrackMin',
  'conntrackTcpTimeoutEstablished',
  'conntrackTcpTimeoutCloseWait',
  'conntrackTcpBeLiberal',
  'conntrackUdpTimeout',
  'conntrackUdpTimeoutStream',
];
