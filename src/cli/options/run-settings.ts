import type { AgentRun } from '../../agent/agent-run.ts';
import type { HttpOptions } from '../../agent/companions/http.ts';
import type { BesideKubeProxy } from '../../agent/kube-proxy-guard.ts';
import type { PlanSettings } from '../../agent/settings.ts';
import type { ListenAddress } from '../../observe/listening.ts';
import type { StoreChoice } from '../../status/stores/store.ts';
import { CliError } from '../cli-error.ts';
import {
  DEFAULT_HEALTH_ADDRESS,
  DEFAULT_HTTP_ADDRESS,
  DEFAULT_METRICS_ADDRESS,
  DEFAULT_PODNAT_PREFIX,
} from './readers.ts';
import type { SettingValues } from './table.ts';

/** Settings of the agent besides its plan. Throws CliError for options that have no effect together. */
export function runSettings(
  values: SettingValues,
  { nodeName, plan: { enable } }: PlanSettings,
): Omit<AgentRun, 'settings' | 'logger' | 'version'> {
  const { once = false, manageForward = true } = values;
  const { healthAddress: health = DEFAULT_HEALTH_ADDRESS, egressOnChange = 'keep' } = values;
  const { onEndpointGone = 'reset' } = values;
  const { podnatPrefix = DEFAULT_PODNAT_PREFIX, replacePodnatController = false } = values;
  const { nodeStatus = values.stateFlavor !== 'none', events = true } = values;
  const { attributionLog: log, attributionLogMib = 64 } = values;
  const store = storeOf(values, nodeName);
  return {
    once,
    besideKubeProxy: besideKubeProxy(values),
    manageForward,
    health,
    proxyHealth: enable.service ? proxyHealthOf(values, health) : null,
    tell: { nodeStatus, events },
    conntrack: {
      maxPerCore: values.conntrackMaxPerCore ?? 0,
      min: values.conntrackMin ?? 0,
      tcpEstablishedTimeout: values.conntrackTcpTimeoutEstablished ?? 0,
      tcpCloseWaitTimeout: values.conntrackTcpTimeoutCloseWait ?? 0,
      tcpBeLiberal: values.conntrackTcpBeLiberal ?? false,
      udpTimeout: values.conntrackUdpTimeout ?? 0,
      udpStreamTimeout: values.conntrackUdpTimeoutStream ?? 0,
    },
    flows: {
      egressOnChange,
      onEndpointGone,
      attribution:
        log === undefined
          ? null
          : { file: log === 'memory' ? null : log, limit: attributionLogMib * 2 ** 20 },
    },
    ...(values.historyDir === undefined
      ? {}
      : { history: { folder: values.historyDir, limit: (values.historyMib ?? 64) * 2 ** 20 } }),
    http: httpOptions(values, enable.service),
    ...(store === null ? {} : { store }),
    // If Pod NAT is off, a podnat-controller may do it.
    ...(enable.pod ? { podnatController: { prefix: podnatPrefix, replace: replacePodnatController } } : {}),
  };
}

/** Throws CliError if the two options that say it contradict each other. */
export function besideKubeProxy(values: SettingValues): BesideKubeProxy {
  const { replaceKubeProxy = false, besideKubeProxy: beside = replaceKubeProxy ? 'replace' : 'refuse' } =
    values;
  if (replaceKubeProxy && beside !== 'replace') {
    throw new CliError(
      'KNAT_USAGE',
      `--replace-kube-proxy and --beside-kube-proxy ${beside} exclude each other`,
    );
  }
  return beside;
}

/**
 * A second health address, kube-proxy's, which load balancers ask; null: none. The default is the address of the
 * kube-proxy that knat replaces or follows. If only the host differs from `--health-address`, that suffices: two servers cannot
 * share a port.
 */
export function proxyHealthOf(
  values: SettingValues,
  healthAddress: ListenAddress | null,
): ListenAddress | null {
  const { proxyHealthAddress, kubeProxy } = values;
  if (proxyHealthAddress !== undefined) return proxyHealthAddress;
  if (healthAddress === null || (besideKubeProxy(values) === 'refuse' && kubeProxy === undefined))
    return null;
  const { host } = healthAddress;
  const usual = kubeProxy?.healthAddress ?? { host, port: DEFAULT_HEALTH_ADDRESS.port };
  return usual.port === healthAddress.port ? null : usual;
}

/** @param isProxy whether Service NAT is on; if not, kube-proxy may have the default metrics port */
function httpOptions(values: SettingValues, isProxy: boolean): HttpOptions {
  const { httpAddress = DEFAULT_HTTP_ADDRESS, unauthenticatedMetrics = false } = values;
  const { metricsAddress = isProxy ? DEFAULT_METRICS_ADDRESS : null } = values;
  const { tlsCertFile: certificate, tlsPrivateKeyFile: key } = values;
  if ((certificate === undefined) !== (key === undefined)) {
    const options = ['--tls-cert-file', '--tls-private-key-file'];
    const [given, missing] = key === undefined ? options : options.reverse();
    throw new CliError('KNAT_USAGE', `${given} needs ${missing} too`);
  }
  return {
    address: httpAddress,
    metricsAddress,
    tls: certificate === undefined || key === undefined ? null : { certificate, key },
    openMetrics: unauthenticatedMetrics,
  };
}

/** The server's address in podnat-controller's chart. */
const STATE_URI = 'http://podnat-state-store:80';

/** The default namespace of podnat-controller's ConfigMaps, unless NAMESPACE is set. */
const STATE_NAMESPACE = 'podnat-controller-system';

/** Where the state is published besides the NodeNAT object; null: nowhere. */
function storeOf(values: SettingValues, nodeName: string): StoreChoice | null {
  const { stateFlavor = 'crd', stateUri, stateNamespace, stateNode: node = nodeName } = values;
  if (stateUri !== undefined && stateFlavor !== 'webdav') {
    throw new CliError('KNAT_USAGE', '--state-uri needs --state-flavor webdav');
  }
  if (stateNamespace !== undefined && stateFlavor !== 'configmap') {
    throw new CliError('KNAT_USAGE', '--state-namespace needs --state-flavor configmap');
  }
  if (stateFlavor === 'configmap' && values.source?.kind !== 'kubernetes') {
    throw new CliError('KNAT_USAGE', '--state-flavor configmap needs --source kubernetes');
  }
  switch (stateFlavor) {
    case 'crd':
    case 'none':
      return null;
    case 'configmap':
      return {
        kind: 'configmap',
        namespace: stateNamespace ?? (process.env.NAMESPACE || STATE_NAMESPACE),
        node,
      };
    case 'webdav':
      return { kind: 'webdav', url: stateUri ?? STATE_URI, node };
    default:
      return stateFlavor satisfies never;
  }
}
