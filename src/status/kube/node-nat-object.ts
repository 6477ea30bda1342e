import { isRecord, listAt, recordAt, textAt } from '../../base/json.ts';
import { GROUP, VERSION } from '../../crds/custom-resource.ts';
import { type NodeNatStatus, nodeNat } from '../../crds/node-nat.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { IDLE } from './parts.ts';

/** Path of all NodeNATs. */
export const NODE_NATS = `/apis/${GROUP}/${VERSION}/${nodeNat.plural}`;
const HEAD = { apiVersion: `${GROUP}/${VERSION}`, kind: nodeNat.kind } as const;

/** Whose fields of the status these are, for server-side apply. */
const MANAGER = 'knat';

/** There is no Node of this name, so its NodeNAT would have no owner. */
export class NodeAbsent extends Error {
  override readonly name = 'NodeAbsent';
}

/** The object as the server has it. */
export interface NodeNatRead {
  readonly generation: number;
  /** `metadata.resourceVersion` */
  readonly version: string;
  /** uid of the Node in its owner reference; empty: none. */
  readonly ownerUid: string;
  /** Null if the object has none. */
  readonly status: NodeNatStatus | null;
}

/** The NodeNAT of one node on the API server. All methods throw ApiError. */
export class NodeNatObject {
  readonly #client: ApiClient;
  readonly #node: string;
  readonly #path: string;

  constructor(client: ApiClient, node: string) {
    this.#client = client;
    this.#node = node;
    this.#path = `${NODE_NATS}/${encodeURIComponent(node)}`;
  }

  /** Null if the object or its kind does not exist. */
  async read(signal: AbortSignal): Promise<NodeNatRead | null> {
    try {
      return readOf(await this.#client.json({ path: this.#path }, signal, IDLE));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** Makes the object, owned by the Node, so that it is deleted with the Node. Throws NodeAbsent. */
  async create(signal: AbortSignal): Promise<NodeNatRead> {
    const ownerReferences = [this.#owner(await this.#nodeUid(signal))];
    const body = { ...HEAD, metadata: { name: this.#node, ownerReferences } };
    try {
      return readOf(await this.#client.json({ method: 'POST', path: NODE_NATS, body }, signal, IDLE));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // Another client made it meanwhile.
      return (await this.read(signal)) ?? { generation: 0, version: '', ownerUid: '', status: null };
    }
  }

  /** Replaces the whole status, also fields that an agent of another version wrote. */
  async apply(status: NodeNatStatus, signal: AbortSignal): Promise<NodeNatRead> {
    const answer = await this.#client.json(
      {
        method: 'PATCH',
        path: `${this.#path}/status`,
        query: { fieldManager: MANAGER, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...HEAD, metadata: { name: this.#node }, status },
      },
      signal,
      IDLE,
    );
    return readOf(answer);
  }

  /**
   * Makes the present Node the owner, if it was an earlier Node: otherwise the garbage collector deletes the object. Throws
   * NodeAbsent.
   */
  async adopt(known: NodeNatRead, signal: AbortSignal): Promise<NodeNatRead> {
    const uid = await this.#nodeUid(signal);
    if (uid === known.ownerUid) return known;
    const ownerReferences = [this.#owner(uid)];
    const answer = await this.#client.json(
      {
        method: 'PATCH',
        path: this.#path,
        contentType: 'application/merge-patch+json',
        body: { metadata: { ownerReferences } },
      },
      signal,
      IDLE,
    );
    return readOf(answer);
  }

  #owner(uid: string) {
    return { apiVersion: 'v1', kind: 'Node', name: this.#node, uid };
  }

  async #nodeUid(signal: AbortSignal): Promise<string> {
    const path = `/api/v1/nodes/${encodeURIComponent(this.#node)}`;
    try {
      return textAt(recordAt(await this.#client.json({ path }, signal, IDLE), 'metadata'), 'uid');
    } catch (error) {
      if (!isAbsent(error)) throw error;
      throw new NodeAbsent(`the cluster has no Node "${this.#node}": is --node right?`, { cause: error });
    }
  }
}

export function isAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

function readOf(object: unknown): NodeNatRead {
  const metadata = recordAt(object, 'metadata');
  const { generation } = metadata;
  const owner = listAt(metadata, 'ownerReferences').find((each) => textAt(each, 'kind') === 'Node');
  const status = recordAt(object, 'status');
  return {
    generation: typeof generation === 'number' ? generation : 0,
    version: textAt(metadata, 'resourceVersion'),
    ownerUid: textAt(owner, 'uid'),
    status: isStatus(status) ? status : null,
  };
}

/** The schema of the CustomResourceDefinition requires these fields; the server checks the rest. */
function isStatus(status: unknown): status is NodeNatStatus {
  return isRecord(status) && isRecord(status.counts) && Array.isArray(status.conditions);
}
