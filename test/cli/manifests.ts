/** Manifests that the tests of the command line write into temporary folders. */

export const NODE = `apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
`;

/** A Service and its endpoints 10.244.1.7 and 10.244.1.8, which the plan has as `ADDRESS:80/TCP`. */
export function serviceManifest(name: string, address: string): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {clusterIP: ${address}, clusterIPs: ["${address}"], ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.244.1.7]}, {addresses: [10.244.1.8]}]
`;
}

export const POD = `apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop}
spec: {nodeName: n1}
status: {podIPs: [{ip: 10.244.1.7}], conditions: [{type: Ready, status: "True"}]}
`;
