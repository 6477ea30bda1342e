import type { AccessOptions } from '../../kube-api/access.ts';
import { portsWithout } from '../../net/port.ts';
import type { PlanOptions } from '../../plan/options.ts';
import { defaultPodNatOptions, type PodNatOptions } from '../../sources/objects/metadata.ts';
import { formatPortList, parsePortList } from '../../sources/objects/port-list.ts';
import { severalSources } from '../../sources/several.ts';
import type { Source } from '../../sources/source.ts';
import { CliError } from '../cli-error.ts';
import { given, type SettingValues } from './table.ts';

/** Milliseconds before a command that ends stops waiting for an unreadable cluster. */
const PATIENCE = 10_000;

export interface SourceUse {
  /** Gets the source's actions. */
  readonly debug?: (line: string) => void;
  /** Gets configuration without effect, one line each. */
  readonly warn?: (line: string) => void;
  /** The node whose pods are read from a cluster if no option names one. */
  readonly defaultNode?: string;
  /** The command ends by itself. */
  readonly isOnce?: boolean;
  /** Read the Pods of all nodes of a cluster. */
  readonly allPods?: boolean;
}

/** With ip-masq-agent's file if an option names one. Throws CliError. */
export async function sourceOf(
  values: SettingValues,
  named: string | null,
  plan: PlanOptions,
  use: SourceUse,
): Promise<Source> {
  const source = await objectSource(values, named, plan, use);
  const { ipMasqAgentConfig } = values;
  if (ipMasqAgentConfig === undefined || !plan.enable.egress) return source;
  const { ipMasqAgentSource } = await import('../../sources/ip-masq-agent/ip-masq-agent-source.ts');
  return severalSources([source, ipMasqAgentSource(ipMasqAgentConfig)]);
}

async function objectSource(
  values: SettingValues,
  named: string | null,
  { enable: kinds, podNatPolicy }: PlanOptions,
  { debug = () => {}, defaultNode, isOnce = false, allPods = false }: SourceUse,
): Promise<Source> {
  const { source, maxManifestMib } = values;
  const podNat = podNatOptions(values);
  switch (source?.kind) {
    case undefined:
      throw new CliError(
        'KNAT_USAGE',
        'no source is named: add --source kubernetes, or --source dir:PATH, a folder of manifests',
      );
    case 'dir': {
      const limit = maxManifestMib === undefined ? {} : { maxFileBytes: maxManifestMib * 1024 * 1024 };
      const range = values.serviceNodePortRange;
      const nodePorts = range === undefined ? {} : { nodePortRange: range };
      const { dirSource } = await import('../../sources/dir/dir-source.ts');
      return dirSource(source.path, { debug, podNat, ...limit, ...nodePorts });
    }
    case 'kubernetes': {
      const nodeName = allPods ? null : (named ?? defaultNode);
      if (nodeName === undefined) {
        throw new CliError('KNAT_NODE_NOT_NAMED', 'a cluster has many nodes: name one with --node');
      }
      const access = accessOf(values);
      const enable = { ...kinds, namespaceLabels: podNatPolicy.namespaceSelector !== null };
      const patience = isOnce ? { giveUpAfter: PATIENCE } : {};
      const { kubeSource } = await import('../../sources/kube/kube-source.ts');
      return kubeSource({ nodeName, enable, access, podNat, debug, ...patience });
    }
    default:
      return source satisfies never;
  }
}

/** Cluster and user for `--source kubernetes`. */
export function accessOf(values: SettingValues): AccessOptions {
  const { master: server } = values;
  return {
    environment: process.env,
    isTerminal: process.stdin.isTTY === true,
    ...given(values, 'kubeconfig', 'context'),
    ...(server === undefined ? {} : { server }),
  };
}

export function podNatOptions(values: SettingValues): PodNatOptions {
  const { podNatUnreservedPorts: unreserved = [] } = values;
  const standard = defaultPodNatOptions;
  const nodePorts = parsePortList(standard.restrictedNodePorts);
  return {
    ...standard,
    ...given(values, 'annotationKey', 'restrictedPorts'),
    ...(unreserved.length === 0
      ? {}
      : { restrictedNodePorts: formatPortList(portsWithout(nodePorts, unreserved)) }),
  };
}
