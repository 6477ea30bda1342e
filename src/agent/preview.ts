import { ForeignRules } from '../datapath/coexistence/foreign-rules.ts';
import { KubeProxyRules } from '../datapath/coexistence/kube-proxy.ts';
import type { Preview } from '../datapath/datapath.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';
import type { Status } from '../forms/status.ts';
import { noticeForm } from '../observe/status.ts';
import { ForeignPorts } from './foreign-ports.ts';
import { KernelListeners, processClock } from './host-listeners.ts';
import { KernelAddresses } from './interface-addresses.ts';
import { type BesideKubeProxy, type KubeProxyPreview, kubeProxyPreview } from './kube-proxy-guard.ts';
import { planOnce } from './offline.ts';
import { KernelReservedPorts } from './reserved-ports.ts';
import type { PlanSettings } from './settings.ts';
import { takenPortsOf } from './taken-ports.ts';

export type AgentPreview = Preview &
  Pick<Status, 'problems' | 'notices' | 'conflicts'> & { readonly kubeProxy: KubeProxyPreview };

/** What an agent with these settings would change in the kernel; writes nothing. */
export async function previewAgent(
  settings: PlanSettings,
  beside: BesideKubeProxy,
  signal: AbortSignal,
): Promise<AgentPreview> {
  const datapath = NftablesDatapath.open();
  const interfaces = new KernelAddresses();
  const listeners = new KernelListeners(processClock);
  const rules = new KubeProxyRules();
  const foreign = new ForeignRules();
  try {
    const ports = await ForeignPorts.open(
      foreign,
      () => () => {},
      () => false,
      signal,
    );
    const host = takenPortsOf([listeners, ports, new KernelReservedPorts(processClock)]);
    const { planner, problems } = await planOnce(settings, interfaces.current(), signal, host);
    const { plan } = planner;
    const preview = await datapath.preview(plan, signal);
    const kubeProxy = kubeProxyPreview(await rules.find(signal), {
      service: settings.plan.enable.service,
      beside,
    });
    const notices = [...plan.notices()].map(noticeForm);
    return { ...preview, kubeProxy, problems, notices, conflicts: [...plan.conflicts.values()] };
  } finally {
    listeners.close();
    foreign.close();
    rules.close();
    interfaces.close();
    datapath.close();
  }
}
