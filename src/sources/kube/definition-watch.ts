import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { linesOf } from '../../kube-api/lines.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import { readWatchEvent } from '../../kube-api/watch-event.ts';
import { type Resource, resourceName } from './resources.ts';
import type { Timings } from './timings.ts';

const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Requests an answer without spec: only the existence of a definition matters, and its schema may be large. */
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/** Longest wait after an answer of 403, in milliseconds: roles change seldom. */
const FORBIDDEN = 600_000;

export interface DefinitionListener {
  /** The definition exists or changed: the server serves the kind now or soon. */
  definitionChanged(): void;
  /** The definition was removed; its objects were removed before it. */
  definitionRemoved(): void;
}

/**
 * Watches the CustomResourceDefinition of one resource, so that a kind that is installed later is found at once. Where
 * this is not possible (no right to watch, another program serves the group), the reflector polls.
 */
export async function watchDefinition(
  { resource, client, surroundings, timings, debug }: DefinitionParts,
  listener: DefinitionListener,
  signal: AbortSignal,
): Promise<void> {
  const random = () => surroundings.random();
  const retry = new Backoff(timings.retryFirst, timings.retryLongest, random);
  const forbidden = new Backoff(timings.absentLongest, FORBIDDEN, random);
  while (!signal.aborted) {
    let wait: number | null = null;
    try {
      const { watchSecondsLeast, watchSecondsMost, watchIdle } = timings;
      const query = {
        watch: true,
        fieldSelector: `metadata.name=${resourceName(resource)}`,
        allowWatchBookmarks: true,
        timeoutSeconds: Math.ceil(watchSecondsLeast + random() * (watchSecondsMost - watchSecondsLeast)),
      };
      const request = { path: PATH, query, accept: METADATA };
      // Without a version the watch begins with the definition, if it exists.
      for await (const lines of linesOf(client.chunks(request, signal, () => watchIdle))) {
        for (const line of lines) {
          const { type } = readWatchEvent(line);
          retry.reset();
          if (type === 'set') listener.definitionChanged();
          if (type === 'delete') listener.definitionRemoved();
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status === 403) wait = forbidden.next();
      debug(
        `definition ${resourceName(resource)}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    await surroundings.sleep(wait ?? retry.next(), signal);
  }
}

export interface DefinitionParts {
  readonly resource: Resource;
  readonly client: ApiClient;
  readonly surroundings: Surroundings;
  readonly timings: Timings;
  readonly debug: (line: string) => void;
}
