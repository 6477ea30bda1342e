import type { HttpOptions } from '../../agent/companions/http.ts';
import { CliError } from '../cli-error.ts';
import { DEFAULT_HTTP_ADDRESS, DEFAULT_METRICS_ADDRESS } from './readers.ts';
import type { SettingValues } from './table.ts';

/**
 * What the agent shows over HTTP, by the options. Throws CliError for a certificate without a key.
 *
 * @param isProxy whether Service NAT is on; else kube-proxy may have the default port of metrics
 */
export function httpOptions(values: SettingValues, isProxy: boolean): HttpOptions {
  const { httpAddress = DEFAULT_HTTP_ADDRESS, unauthenticatedMetrics = false } = values;
  const { tlsCertFile: certificate, tlsPrivateKeyFile: key } = values;
  if ((certificate === undefined) !== (key === undefined)) {
    const [given, missing] =
      key === undefined
        ? ['--tls-cert-file', '--tls-private-key-file']
        : ['--tls-private-key-file', '--tls-cert-file'];
    throw new CliError('KNAT_USAGE', `${given} needs ${missing} too`);
  }
  const metricsAddress = values.metricsAddress === undefined ? null : values.metricsAddress;
  const isDefault = values.metricsAddress === undefined && isProxy;
  return {
    address: httpAddress,
    metricsAddress: isDefault ? DEFAULT_METRICS_ADDRESS : metricsAddress,
    tls: certificate === undefined || key === undefined ? null : { certificate, key },
    openMetrics: unauthenticatedMetrics,
  };
}
