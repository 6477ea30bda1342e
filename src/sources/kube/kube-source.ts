import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, ApiAccess } from '../../kube-api/access.ts';
import { ApiClient } from '../../kube-api/client.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import { defaultPodNatOptions, type ParseContext } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import type { Source, SourceSink } from '../source.ts';
import { SourceError } from '../source-error.ts';
import { Delivery } from './delivery.ts';
import type { KubeOptions } from './options.ts';
import type { Recovery } from './recovery.ts';
import { Reflector, type ReflectorListener } from './reflector.ts';
import { ResourceObjects } from './resource-objects.ts';
import { type Resource, resourceName, wantedResources } from './resources.ts';
import { defaultTimings } from './timings.ts';

/** The objects of a cluster, as its API server has them. */
export function kubeSource(options: KubeOptions): Source {
  return new KubeSource(options);
}

/**
 * A cluster as a source: one reflector for each resource that the enabled kinds of NAT need, independent of each
 * other. It is in sync when all of them have delivered everything once.
 */
class KubeSource implements Source {
  readonly name = 'kubernetes';
  readonly #options: KubeOptions;

  constructor(options: KubeOptions) {
    this.#options = options;
  }

  /** Rejects with SourceError when no cluster is configured; whatever can heal is reported and retried. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { access, debug = () => {}, podNat = defaultPodNatOptions, nodeName, enable } = this.#options;
    const surroundings = this.#options.surroundings ?? processSurroundings;
    const timings = { ...defaultTimings, ...this.#options.timings };
    const client = new ApiClient(await openAccess(access ?? {}), surroundings);
    const context: ParseContext = { shared: new SharedValues(), podNat, debug };
    const delivery = new Delivery(sink);
    const resources = wantedResources(nodeName, enable);
    let outOfSync = resources.length;
    const synced = () => {
      outOfSync--;
      if (outOfSync === 0) sink.synced();
    };
    await Promise.all(
      resources.map((resource) => {
        const objects = new ResourceObjects(resource, context, delivery.of(resource));
        const listener = { synced, debug, trouble: troubleReporter(sink, resource, client.server) };
        const parts = { resource, client, objects, listener, surroundings, timings };
        return new Reflector(parts).run(signal);
      }),
    );
  }
}

async function openAccess(options: NonNullable<KubeOptions['access']>): Promise<ApiAccess> {
  try {
    return await ApiAccess.open(options);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw new SourceError('KNAT_KUBECONFIG', error.message, { cause: error });
  }
}

function troubleReporter(sink: SourceSink, resource: Resource, server: string): ReflectorListener['trouble'] {
  const origin = `kubernetes: ${resourceName(resource)}`;
  let told = '';
  return (trouble: Recovery | null) => {
    const text = trouble === null ? '' : `${trouble.code} ${trouble.message}`;
    if (text === told) return;
    told = text;
    if (trouble === null) return sink.report(origin, []);
    const { code, message } = trouble;
    sink.report(origin, [
      { code, severity: 'error', origin: `kubernetes: ${server}`, object: null, field: '', message },
    ]);
  };
}

const processSurroundings: Surroundings = {
  now: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => {});
  },
  random: () => Math.random(),
};
