/** What the health check of a Service says, in the form of kube-proxy's. */
export interface ServiceHealthAnswer {
  readonly status: 200 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly service: { readonly namespace: string; readonly name: string };
    readonly localEndpoints: number;
    readonly serviceProxyHealthy: boolean;
  };
}

/**
 * Whether a load balancer may send connections for the Service here: 200 while ready endpoints of it are on this node
 * and the proxy does its work, else 503. The weight is the number of endpoints, for those that share by it.
 */
export function serviceHealthAnswer(
  service: { readonly namespace: string; readonly name: string },
  localEndpoints: number,
  isProxyHealthy: boolean,
): ServiceHealthAnswer {
  const { namespace, name } = service;
  const weight: Record<string, string> =
    localEndpoints > 0 ? { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) } : {};
  return {
    status: localEndpoints > 0 && isProxyHealthy ? 200 : 503,
    headers: weight,
    body: { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isProxyHealthy },
  };
}
