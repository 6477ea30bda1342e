import { isRecord, listAt, recordAt, textAt } from '../../base/json.ts';
import { GROUP, VERSION } from '../../crds/custom-resource.ts';
import { type NodeNatStatus, nodeNat } from '../../crds/node-nat.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { IDLE } from './parts.ts';

export const NODE_NATS = `/apis/${GROUP}/${VERSION}/${nodeNat.plural}`;
const HEAD = { apiVersion: `${GROUP}/${VERSION}`, kind: nodeNat.kind } as const;

/** The field manager of the status, for server-side apply. */
const MANAGER = 'knat';

/** Without a Node of this name the NodeNAT would have no owner. */
export class NodeAbsent extends Error {
  override readonly name = 'NodeAbsent';
}

export interface NodeNatRead {
  readonly generation: number;
  readonly version: string;
  /** uid of the Node in its owner reference; empty: none. */
  readonly ownerUid: string;
  /** Null: the object has no status. */
  readonly status: NodeNatStatus | null;
}

/** The API server's NodeNAT of one node. All methods throw ApiError. */
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

  /** The Node becomes the owner, so that the object is deleted with it. Throws NodeAbsent. */
  async create(signal: AbortSignal): Promise<NodeNatRead> {
    const ownerReferences = [this.#owner(await this.#nodeUid(signal))];
    const body = { ...HEAD, metadata: { name: this.#node, ownerReferences } };
    try {
      return readOf(await this.#client.json({ method: 'POST', path: NODE_NATS, body }, signal, IDLE));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // Another client created it meanwhile.
      return (await this.read(signal)) ?? { generation: 0, version: '', ownerUid: '', status: null };
    }
  }

  /** Replaces the whole status, including fields of other agent versions. */
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

  /** Replaces an earlier Node as owner, whose garbage collection would delete the object. Throws NodeAbsent. */
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

/** Checks only the fields that the CustomResourceDefinition requires; the server checks the rest. */
function isStatus(status: unknown): status is NodeNatStatus {
  return isRecord(status) && isRecord(status.counts) && Array.isArray(status.conditions);
}
