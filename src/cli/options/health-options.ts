import type { ListenAddress } from '../../observe/listening.ts';
import { DEFAULT_HEALTH_ADDRESS } from './readers.ts';
import type { SettingValues } from './table.ts';

/**
 * Where health is served beside `--health-address`, since load balancers ask for kube-proxy's there; null: nowhere. Without
 * the option that is where the kube-proxy that knat takes the place of has it. An address that differs in the host
 * alone is left to `--health-address`: one port cannot be had twice.
 */
export function proxyHealthOf(
  values: SettingValues,
  healthAddress: ListenAddress | null,
): ListenAddress | null {
  const { proxyHealthAddress, replaceKubeProxy = false, kubeProxy } = values;
  if (proxyHealthAddress !== undefined) return proxyHealthAddress;
  if (healthAddress === null || !(replaceKubeProxy || kubeProxy !== undefined)) return null;
  const { host } = healthAddress;
  const usual = kubeProxy?.healthAddress ?? { host, port: DEFAULT_HEALTH_ADDRESS.port };
  return usual.port === healthAddress.port ? null : usual;
}
