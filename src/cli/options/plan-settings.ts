import type { PlanSettings } from '../../agent/settings.ts';
import { formatFinding } from '../../model/finding.ts';
import type { PortSpan } from '../../net/port.ts';
import { defaultPlanOptions, defaultPodNatPolicy, type PlanOptions } from '../../plan/options.ts';
import type { PodNatPolicy, ReservedPorts } from '../../plan/pod-nat-policy.ts';
import type { NodeConfig } from '../../sources/objects/node-config.ts';
import { CliError } from '../cli-error.ts';
import { readInputFile } from '../input-file.ts';
import { accessOf, type SourceUse, sourceOf } from './source.ts';
import { given, type SettingValues } from './table.ts';

const NO_EFFECT = 'KNAT_KUBE_PROXY_FIELD';

/** As PlanSettings; the node's name is null if neither an option nor the node configuration gives it. */
export type AskedSettings = Omit<PlanSettings, 'nodeName'> & { readonly nodeName: string | null };

/** Throws CliError. */
export async function planSettings(values: SettingValues, use: SourceUse = {}): Promise<AskedSettings> {
  for (const line of values.kubeProxy?.warnings ?? []) {
    use.warn?.(`${values.kubeProxyConfig}: ${line} (${NO_EFFECT})`);
  }
  const file = values.nodeConfig === undefined ? {} : await readNodeConfig(values.nodeConfig);
  const nodeConfig = { ...values.kubeProxy?.node, ...file, ...podDetection(values) };
  checkPodDetection(nodeConfig);
  const nodeName = values.node ?? nodeConfig.nodeName ?? null;
  const plan = planOptions(values);
  const source = await sourceOf(values, nodeName, plan, use);
  const cluster = values.source?.kind === 'kubernetes' ? { cluster: accessOf(values) } : {};
  return { nodeName, nodeConfig, plan, source, ...cluster };
}

function podDetection(values: SettingValues): NodeConfig {
  const { clusterCidr } = values;
  return {
    ...(clusterCidr === undefined ? {} : { podCIDRs: clusterCidr }),
    ...given(values, 'detectLocalMode', 'podBridgeInterface', 'podInterfaceNamePrefix'),
  };
}

/** Throws CliError when the mode lacks required options. */
function checkPodDetection(config: NodeConfig): void {
  const { detectLocalMode: mode, podBridgeInterface, podInterfaceNamePrefix } = config;
  const missing =
    mode === 'BridgeInterface' && podBridgeInterface === undefined
      ? '--pod-bridge-interface'
      : mode === 'InterfaceNamePrefix' && podInterfaceNamePrefix === undefined
        ? '--pod-interface-name-prefix'
        : mode === 'ClusterCIDR' && config.podCIDRs === undefined
          ? '--cluster-cidr'
          : null;
  if (missing !== null) {
    throw new CliError('KNAT_USAGE', `--detect-local-mode ${mode} tells no pod without ${missing}: add it`);
  }
}

function planOptions(values: SettingValues): PlanOptions {
  const standard = defaultPlanOptions;
  return {
    ...standard,
    ...given(values, 'enable', 'internalNetworks', 'requireReady'),
    externalIPs: values.externalIps === undefined ? standard.externalIPs : values.externalIps,
    publicAddressFilter: [...standard.publicAddressFilter, ...(values.includeFilterNetworks ?? [])],
    publicAddressAllowed: values.excludeFilterNetworks ?? standard.publicAddressAllowed,
    dropInvalid: !(values.conntrackTcpBeLiberal ?? false),
    podNatPolicy: podNatPolicy(values),
    sizes: {
      networksPerList: values.maxSourceNetworksPerList ?? standard.sizes.networksPerList,
      networksPerNamespace: values.maxSourceNetworksPerNamespace ?? standard.sizes.networksPerNamespace,
      networksPerNode: values.maxSourceNetworksPerNode ?? standard.sizes.networksPerNode,
      entriesPerNamespace: values.podNatMaxEntriesPerNamespace ?? standard.sizes.entriesPerNamespace,
      entriesPerNode: values.podNatMaxEntriesPerNode ?? standard.sizes.entriesPerNode,
    },
    egress: {
      ...standard.egress,
      ...given(values, 'natPortRange', 'natPortExclusions', 'natOutgoingAddress', 'natOutgoingExclusions'),
      ...given(values, 'natOutgoingInterfaceFilter', 'mostSpecificPoolWins', 'masqueradeHostTraffic'),
    },
  };
}

async function readNodeConfig(path: string): Promise<NodeConfig> {
  const { parseNodeConfig } = await import('../../sources/objects/node-config-file.ts');
  const result = parseNodeConfig(await readInputFile(path, 'the node configuration'), path);
  if (result.ok) return result.config;
  const message = `the node configuration ${path} cannot be used`;
  throw new CliError('KNAT_CONFIG_INVALID', message, result.problems.map(formatFinding));
}

/** What the options allow the Pod NAT annotation. The agent's own ports are reserved too. */
function podNatPolicy(values: SettingValues): PodNatPolicy {
  const standard = defaultPodNatPolicy;
  return {
    namespaces: values.podNatNamespaces ?? standard.namespaces,
    namespaceSelector: values.podNatNamespaceSelector ?? standard.namespaceSelector,
    ports: values.podNatPorts ?? standard.ports,
    addresses: values.podNatAddresses ?? standard.addresses,
    takeover: values.podNatTakeover ?? standard.takeover,
    reserved: [
      ...standard.reserved,
      ...ownPorts(values),
      ...(values.podNatReservedPorts ?? []).map(byTheAdministrator),
    ],
    unreserved: values.podNatUnreservedPorts ?? standard.unreserved,
    maxPortsPerPod: values.podNatMaxPortsPerPod ?? standard.maxPortsPerPod,
    maxPortsPerNamespace: values.podNatMaxPortsPerNamespace ?? standard.maxPortsPerNamespace,
  };
}

function byTheAdministrator({ first, last }: PortSpan): ReservedPorts {
  return { first, last, protocol: null, why: 'something else by --pod-nat-reserved-ports' };
}

function ownPorts({ healthAddress, httpAddress, metricsAddress }: SettingValues): ReservedPorts[] {
  return [healthAddress, httpAddress, metricsAddress].flatMap((listening) =>
    listening === undefined || listening === null
      ? []
      : [{ first: listening.port, last: listening.port, protocol: 'TCP', why: 'knat itself' }],
  );
}
