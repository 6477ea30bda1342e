import { listAt, recordAt, textAt } from '../../base/json.ts';
import type { AccessOptions } from '../../kube-api/access.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { ApiClient } from '../../kube-api/client.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import { SourceError } from '../source-error.ts';
import { clusterAccess } from './cluster-access.ts';

export interface FoundNode {
  /** As in spec.nodeName of Pods. */
  readonly name: string;
  readonly shortName: string;
  /** No other node has that short name. */
  readonly isShortNameUnique: boolean;
}

/** No node, or more than one, matches the name. */
export class NodeNotFound extends Error {
  readonly code = 'KNAT_NODE_NOT_NAMED';
  override readonly name = 'NodeNotFound';
}

/**
 * The node with exactly this name; otherwise the only one whose short name is that of `wanted`, if one of the two is
 * short. Throws NodeNotFound: `a.x` never means `a.y`, and `a` means neither if both exist.
 */
export function nodeThatFits(wanted: string, names: readonly string[]): FoundNode {
  const short = shortName(wanted);
  const alike = names.filter((name) => shortName(name) === short);
  const fitting = names.includes(wanted)
    ? [wanted]
    : alike.filter((name) => !(name.includes('.') && wanted.includes('.')));
  const [name, second] = fitting;
  if (name === undefined) {
    throw new NodeNotFound(`no node is named ${wanted}: the cluster has ${some(names)}`);
  }
  if (second !== undefined)
    throw new NodeNotFound(`${wanted} matches several nodes (${some(fitting)}): give the whole name`);
  return { name, shortName: shortName(name), isShortNameUnique: alike.length === 1 };
}

/** First and longest wait between attempts, and the silence after which a request is aborted; milliseconds. */
const RETRY_FIRST = 500;
const RETRY_LONGEST = 30_000;
const IDLE = 15_000;

/** Objects in one answer. */
const PAGE = 500;

export interface NodeSearch {
  readonly wanted: string;
  readonly access: AccessOptions;
  readonly surroundings: Surroundings;
  /** Called once for each reason why the search waits. */
  readonly waiting: (message: string) => void;
  /** Fail after this many milliseconds without an answer; absent: never. */
  readonly giveUpAfter?: number;
}

/**
 * Finds the node that a name means. If nodes may not be listed but pods may (podnat-controller's ClusterRole), the
 * nodes of the pods are used. Waits for a server that does not answer. Throws NodeNotFound, or SourceError if no
 * cluster is configured or the time is over.
 */
export async function findNode(search: NodeSearch, signal: AbortSignal): Promise<FoundNode> {
  const { wanted, surroundings, waiting, giveUpAfter = Number.POSITIVE_INFINITY } = search;
  const client = new ApiClient(await clusterAccess(search.access), surroundings);
  const backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => surroundings.random());
  const start = surroundings.now();
  for (let reported = ''; ; ) {
    try {
      return nodeThatFits(wanted, await nodeNames(client, signal));
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      const { message } = error;
      if (surroundings.now() - start >= giveUpAfter) {
        throw new SourceError('KNAT_API_UNAVAILABLE', `cannot look up node ${wanted}: ${message}`, {
          cause: error,
        });
      }
      if (message !== reported) waiting(`cannot look up node ${wanted} yet: ${message}`);
      reported = message;
      await surroundings.sleep(backoff.next(error.retryAfterMs ?? 0), signal);
      signal.throwIfAborted();
    }
  }
}

async function nodeNames(client: ApiClient, signal: AbortSignal): Promise<string[]> {
  try {
    return await collect(client, 'nodes', (node) => textAt(recordAt(node, 'metadata'), 'name'), signal);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    return await collect(client, 'pods', (pod) => textAt(recordAt(pod, 'spec'), 'nodeName'), signal);
  }
}

/** The different texts, without empty ones. */
async function collect(
  client: ApiClient,
  plural: string,
  textOf: (object: unknown) => string,
  signal: AbortSignal,
): Promise<string[]> {
  const texts = new Set<string>();
  let next = '';
  do {
    const query = { limit: PAGE, ...(next === '' ? {} : { continue: next }) };
    const page = await client.json({ path: `/api/v1/${plural}`, query }, signal, IDLE);
    for (const object of listAt(page, 'items')) texts.add(textOf(object));
    next = textAt(recordAt(page, 'metadata'), 'continue');
  } while (next !== '');
  texts.delete('');
  return [...texts];
}

function shortName(name: string): string {
  return name.split('.')[0] ?? name;
}

function some(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return `${[...names].sort().slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`;
}
