import { isRecord, listAt, recordAt, textAt } from '../../base/json.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { groupPath, type Resource } from './resources.ts';
import type { Timings } from './timings.ts';

/** The requests of a resource that are not watches. */
export class Lists {
  readonly #resource: Resource;
  readonly #client: ApiClient;
  readonly #timings: Timings;

  constructor(resource: Resource, client: ApiClient, timings: Timings) {
    this.#resource = resource;
    this.#client = client;
    this.#timings = timings;
  }

  get path(): string {
    return `${groupPath(this.#resource)}/${this.#resource.plural}`;
  }

  get selectors(): Record<string, string> {
    const { labelSelector, fieldSelector } = this.#resource;
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  /** Throws ApiError if the server's answer does not show it. */
  async isServed(signal: AbortSignal): Promise<boolean> {
    const request = { path: groupPath(this.#resource) };
    try {
      const found = await this.#client.json(request, signal, this.#timings.listIdle);
      return listAt(found, 'resources').some((each) => textAt(each, 'name') === this.#resource.plural);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  /**
   * Reads all current objects page by page; no page is kept. Returns the version to watch from.
   * @param isPaged false: all in one answer, for a server whose lists expire before the last page is requested
   */
  async read(isPaged: boolean, each: (items: readonly unknown[]) => void, signal: AbortSignal) {
    let after = '';
    for (;;) {
      const page = await this.#page(
        {
          ...this.selectors,
          ...(isPaged ? { limit: this.#timings.pageSize } : {}),
          ...(after === '' ? {} : { continue: after }),
        },
        signal,
      );
      each(listAt(page, 'items'));
      const metadata = recordAt(page, 'metadata');
      after = textAt(metadata, 'continue');
      if (after === '') return textAt(metadata, 'resourceVersion');
    }
  }

  /** Uses no selectors: with them, the server would search all objects for the first match. */
  async currentVersion(signal: AbortSignal): Promise<string> {
    const page = await this.#page({ limit: 1 }, signal);
    return textAt(recordAt(page, 'metadata'), 'resourceVersion');
  }

  async #page(query: Readonly<Record<string, string | number>>, signal: AbortSignal): Promise<unknown> {
    const page = await this.#client.json({ path: this.path, query }, signal, this.#timings.listIdle);
    const kind = `${this.#resource.kind}List`;
    if (!isRecord(page) || page.kind !== kind || (page.items !== null && !Array.isArray(page.items))) {
      throw new ApiError('unusable', `the answer to ${this.path} is no ${kind}`);
    }
    return page;
  }
}
