import { parseAllDocuments } from 'yaml';
import { renderChart } from '../../scripts/generate/helm.ts';

/** An object of the API, as far as the tests look into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
  readonly rules?: readonly unknown[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number | string; readonly host?: string };
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext: unknown;
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

export interface DaemonSet {
  readonly spec: {
    readonly updateStrategy: { readonly rollingUpdate: Readonly<Record<string, unknown>> };
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly initContainers?: readonly Container[];
        readonly [field: string]: unknown;
      };
    };
  };
}

/** The objects in a text of YAML documents; throws on invalid YAML and on a repeated key. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true })
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

/** The objects that the chart makes with these options of helm. */
export async function render(...args: string[]): Promise<Manifest[]> {
  return parseManifests(await renderChart(...args));
}

/** The DaemonSet, and its first container. */
export async function renderDaemonSet(
  ...args: string[]
): Promise<{ daemonSet: DaemonSet; agent: Container }> {
  const daemonSet = (await render(...args)).find(({ kind }) => kind === 'DaemonSet') as DaemonSet | undefined;
  const agent = daemonSet?.spec.template.spec.containers[0];
  if (daemonSet === undefined || agent === undefined) throw new Error('the chart made no DaemonSet');
  return { daemonSet, agent };
}
