import { isRecord, listAt, recordAt, textAt } from '../../base/json.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { groupPath, type Resource } from './resources.ts';
import type { Timings } from './timings.ts';

/** Pages in a row that may bring no new object: more are a server that never ends the list. */
const EMPTY_PAGES = 10;

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

  /**
   * Throws ApiError if the server's answer does not show it. An answer of 404 may come from a program in front of the
   * server, so that the server's list of groups decides.
   */
  async isServed(signal: AbortSignal): Promise<boolean> {
    try {
      const found = await this.#discovered(groupPath(this.#resource), 'APIResourceList', signal);
      return listAt(found, 'resources').some((each) => textAt(each, 'name') === this.#resource.plural);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      const { group, version } = this.#resource;
      const groups = listAt(await this.#discovered('/apis', 'APIGroupList', signal), 'groups');
      const found = groups.find((each) => textAt(each, 'name') === group);
      if (!listAt(found, 'versions').some((each) => textAt(each, 'version') === version)) return false;
      throw error;
    }
  }

  async #discovered(path: string, kind: string, signal: AbortSignal): Promise<unknown> {
    const found = await this.#client.json({ path }, signal, this.#timings.listIdle);
    if (textAt(found, 'kind') !== kind) throw new ApiError('unusable', `the answer to ${path} is no ${kind}`);
    return found;
  }

  /**
   * Reads all current objects page by page; no page is kept. Returns the version to watch from.
   * @param isPaged false: all in one answer, for a server whose lists expire before the last page is requested
   * @param each returns how many of the items are new in this list
   */
  async read(isPaged: boolean, each: (items: readonly unknown[]) => number, signal: AbortSignal) {
    let after = '';
    let emptyPages = 0;
    for (;;) {
      const page = await this.#page(
        {
          ...this.selectors,
          ...(isPaged ? { limit: this.#timings.pageSize } : {}),
          ...(after === '' ? {} : { continue: after }),
        },
        signal,
      );
      emptyPages = each(listAt(page, 'items')) === 0 ? emptyPages + 1 : 0;
      if (emptyPages > EMPTY_PAGES) {
        throw new ApiError('unusable', `${emptyPages} pages of ${this.path} brought no new object`);
      }
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
