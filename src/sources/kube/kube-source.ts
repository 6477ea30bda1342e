import { setMaxListeners } from 'node:events';
import { ApiClient } from '../../kube-api/client.ts';
import { processSurroundings, type Surroundings } from '../../kube-api/surroundings.ts';
import { defaultPodNatOptions, type ParseContext } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import type { Source, SourceSink } from '../source.ts';
import { SourceError } from '../source-error.ts';
import { clusterAccess } from './cluster-access.ts';
import { watchDefinition } from './definition-watch.ts';
import { Delivery } from './delivery.ts';
import type { KubeOptions } from './options.ts';
import { Reflector } from './reflector.ts';
import { ResourceObjects } from './resource-objects.ts';
import { type Resource, resourceName, wantedResources } from './resources.ts';
import { defaultTimings, type Timings } from './timings.ts';
import { type Trouble, Troubles } from './troubles.ts';

export function kubeSource(options: KubeOptions): Source {
  return new KubeSource(options);
}

/**
 * A cluster as a source: one independent reflector for each resource that the enabled kinds of NAT need. It is in sync
 * when all of them have delivered all their objects once.
 */
class KubeSource implements Source {
  readonly name = 'kubernetes';
  readonly #options: KubeOptions;
  readonly #surroundings: Surroundings;
  readonly #timings: Timings;
  readonly #debug: (line: string) => void;
  /** Resources that have not delivered all their objects yet. */
  #outOfSync = 0;

  constructor(options: KubeOptions) {
    this.#options = options;
    this.#surroundings = options.surroundings ?? processSurroundings;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#debug = options.debug ?? (() => {});
  }

  /**
   * Rejects with SourceError when no cluster is configured, or when it cannot be read within `giveUpAfter`; other
   * failures are reported and retried.
   */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { access, giveUpAfter } = this.#options;
    const surroundings = this.#surroundings;
    const client = new ApiClient(await clusterAccess(access), surroundings);
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    // One listener for each waiting kind, which Node.js would report as a leak.
    setMaxListeners(0, either);
    const troubles = new Troubles(sink, client.server, this.#timings, () => surroundings.now());
    let failure: SourceError | null = null;
    const patience = async () => {
      if (giveUpAfter === undefined) return;
      await surroundings.sleep(giveUpAfter, either);
      if (either.aborted || this.#outOfSync === 0) return;
      failure =
        troubles.asError() ?? new SourceError('KNAT_API_UNAVAILABLE', `${client.server} answers too slowly`);
      stop.abort();
    };
    await Promise.all([
      patience(),
      ...this.#reflectors(client, sink, troubles).flatMap(({ resource, reflector }) => [
        reflector.run(either),
        ...(resource.optional ? [this.#hearOf(resource, reflector, client, either)] : []),
      ]),
    ]);
    if (failure !== null) throw failure;
  }

  async #hearOf(resource: Resource, reflector: Reflector, client: ApiClient, signal: AbortSignal) {
    const [surroundings, timings, debug] = [this.#surroundings, this.#timings, this.#debug];
    await watchDefinition({ resource, client, surroundings, timings, debug }, reflector, signal);
  }

  #reflectors(
    client: ApiClient,
    sink: SourceSink,
    troubles: Troubles,
  ): readonly { resource: Resource; reflector: Reflector }[] {
    const { podNat = defaultPodNatOptions, nodeName, enable } = this.#options;
    const [surroundings, timings, debug] = [this.#surroundings, this.#timings, this.#debug];
    const context: ParseContext = { shared: new SharedValues(), podNat, debug };
    const delivery = new Delivery(sink);
    const resources = wantedResources(nodeName, enable);
    this.#outOfSync = resources.length;
    const synced = () => {
      this.#outOfSync--;
      if (this.#outOfSync === 0) sink.synced();
    };
    return resources.map((resource) => {
      const objects = new ResourceObjects(resource, context, delivery.of(resource));
      const trouble = (found: Trouble | null) => troubles.report(resource, found);
      const interrupted = () => sink.interrupted?.(resourceName(resource));
      const listener = { synced, debug, trouble, interrupted };
      return {
        resource,
        reflector: new Reflector({ resource, client, objects, listener, surroundings, timings }),
      };
    });
  }
}
