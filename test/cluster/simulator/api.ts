import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Admission } from './admission.ts';
import { coreVersions, groupDocument, groupList, resourceList } from './discovery.ts';
import { type ExecRequest, ExecServer, type Executor, readExecPath } from './exec.ts';
import type { FaultPlan } from './faults.ts';
import { Lists } from './lists.ts';
import { type ApiObject, isJsonObject, type JsonObject, textAt } from './objects.ts';
import { openapiDocument, openapiIndex } from './openapi.ts';
import { type ApiPath, readPath } from './paths.ts';
import { BUILT_IN, customTypes, groupVersion, type ResourceType } from './resource-types.ts';
import { review } from './reviews.ts';
import { ApiRefusal, refusals } from './status.ts';
import type { Store } from './store.ts';
import { tableOf, wantsTable } from './tables.ts';
import type { User, Users } from './users.ts';
import { Watches } from './watches.ts';
import { type Prepared, type Target, Writes } from './writes.ts';

const CRD = BUILT_IN.find(({ kind }) => kind === 'CustomResourceDefinition');

/** Who the client is by its certificate; null without one of our authority. */
function certified({ socket }: IncomingMessage): User | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const { subject } = socket.getPeerCertificate();
  if (typeof subject?.CN !== 'string') return null;
  return { username: subject.CN, uid: '', groups: ['system:authenticated'] };
}

/** Status and body. */
type Answer = readonly [number, JsonObject];

type ObjectsPath = Extract<ApiPath, { kind: 'objects' }>;

/** Answers requests as the API server does. */
export class Api {
  readonly #store: Store;
  readonly #users: Users;
  readonly #faults: FaultPlan;
  readonly #lists: Lists;
  readonly #writes: Writes;
  readonly #watches: Watches;
  readonly #exec = new ExecServer();
  readonly admission: Admission;

  constructor(store: Store, users: Users, faults: FaultPlan, bookmarkMs: number) {
    this.#store = store;
    this.#users = users;
    this.#faults = faults;
    this.#lists = new Lists(store, faults);
    this.#writes = new Writes(store);
    this.#watches = new Watches(store, faults, bookmarkMs);
    this.admission = new Admission(store);
  }

  /** Makes continue tokens invalid. */
  expireLists(): void {
    this.#lists.expire();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      request.resume();
      send(response, error.status, error.body, error.headers);
    }
  }

  /** Answers requests for another protocol than HTTP: `exec` in a Pod. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, execute: Executor | null): void {
    try {
      const url = new URL(request.url ?? '/', 'https://localhost');
      const asked = readExecPath(url);
      const user = this.#userOf(request);
      if (asked === null || execute === null) throw refusals.pathNotFound();
      this.#checkExec(asked, user, request.method ?? '');
      this.#exec.accept(asked, execute, request, socket, head);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      refuseUpgrade(socket, error);
    }
  }

  /**
   * As servers do from 1.35 on: a WebSocket begins with GET, and needs the verb of that (get) and create too. SPDY,
   * which kubectl tries after a refusal, begins with POST.
   */
  #checkExec({ namespace, pod, container }: ExecRequest, user: User, method: string): void {
    const type = BUILT_IN.find(({ kind }) => kind === 'Pod');
    if (type === undefined) throw refusals.pathNotFound();
    for (const verb of method === 'GET' ? ['get', 'create'] : ['create']) {
      if (!this.#users.mayDo(user, { verb, type, subresource: 'exec' })) {
        throw refusals.forbidden(user.username, verb, type, pod, namespace, 'exec');
      }
    }
    if (method !== 'GET') throw refusals.badRequest('Upgrade request required');
    const found = this.#store.get(type, namespace, pod);
    if (found === null) throw refusals.notFound(type, pod);
    const { containers } = found.spec as { containers: readonly { name: string }[] };
    if (!containers.some(({ name }) => name === container)) {
      throw refusals.badRequest(`container ${container} is not valid for pod ${pod}`);
    }
  }

  #userOf(request: IncomingMessage): User {
    const token = /^Bearer (\S*)/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    const user = token === null ? certified(request) : this.#users.withToken(token);
    if (user === null) throw refusals.unauthorized();
    return user;
  }

  /** All kinds that the server has now, custom ones too. */
  types(): ResourceType[] {
    const custom = CRD === undefined ? [] : this.#store.list(CRD).flatMap(customTypes);
    return [...BUILT_IN, ...custom];
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://localhost');
    if (['/healthz', '/livez', '/readyz'].includes(url.pathname)) return send(response, 200, 'ok');
    const user = this.#userOf(request);
    const types = this.types();
    const path = readPath(url.pathname, types);
    if (path === null) throw refusals.pathNotFound();
    const mayFail = !user.groups.includes('system:masters');
    if (path.kind !== 'objects') {
      if (mayFail) await this.#faults.check('', false, groupOf(url.pathname));
      const right = () => discover(path, types) ?? {};
      const asked = { path: url.pathname, kind: null, isWatch: false, response, right };
      if (mayFail && (await this.#faults.hasLied('', groupOf(url.pathname), asked))) return;
      const found = discover(path, types);
      if (found === null) throw refusals.pathNotFound();
      return send(response, 200, found);
    }
    const isWatch = path.name === '' && ['1', 'true'].includes(url.searchParams.get('watch') ?? '');
    const verb = verbOf(request.method ?? '', path, isWatch);
    if (!this.#users.mayDo(user, { verb, type: path.type, subresource: path.subresource })) {
      throw refusals.forbidden(user.username, verb, path.type, path.name, path.namespace);
    }
    if (mayFail) await this.#faults.check(path.type.plural, isWatch, path.type.group);
    const { type, namespace } = path;
    if (mayFail && ['list', 'watch'].includes(verb)) {
      const right = () => this.#lists.list(type, namespace, url.searchParams);
      const asked = { path: url.pathname, kind: type.kind, isWatch, response, right };
      if (await this.#faults.hasLied(type.plural, type.group, asked)) return;
    }
    if (isWatch) {
      return await this.#watches.serve({ type, namespace, query: url.searchParams, response });
    }
    const warnings: string[] = [];
    const answer = await this.#objects(verb, path, url.searchParams, request, { user, warnings });
    // As the API server writes them: code 299, no agent, a quoted text (RFC 7234, 5.5).
    for (const text of warnings) response.appendHeader('Warning', `299 - ${JSON.stringify(text)}`);
    send(response, ...answer);
  }

  async #objects(
    verb: string,
    path: ObjectsPath,
    query: URLSearchParams,
    request: IncomingMessage,
    { user, warnings }: { readonly user: User; readonly warnings: string[] },
  ): Promise<Answer> {
    const { type, namespace, name } = path;
    const isTable = wantsTable(request.headers.accept);
    if (verb === 'list') return [200, this.#lists.list(type, namespace, query, isTable)];
    if (verb === 'get') {
      const found = this.#store.get(type, namespace, name);
      if (found === null) throw refusals.notFound(type, name);
      const { resourceVersion } = found.metadata;
      return [200, isTable ? tableOf(type, [found], { resourceVersion }, new Date()) : found];
    }
    const body = await readBody(request);
    const agent = (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? '';
    const manager = query.get('fieldManager') ?? agent;
    if (type.isReview === true) return [201, review(type, body, this.#users, this.types(), manager)];
    const object: JsonObject = { kind: type.kind, apiVersion: groupVersion(type), ...body };
    const target: Target = { ...path, manager };
    // A deletion has its options in the body.
    const isDryRun = query.get('dryRun') === 'All' || (verb === 'delete' && String(body.dryRun) === 'All');
    /** The path of every write: ready, admitted, made. */
    const made = async (prepared: Prepared): Promise<ApiObject> => {
      const asked = { target, prepared, user, isDryRun };
      warnings.push(...(await this.admission.review(asked)));
      return isDryRun ? (prepared.after ?? prepared.before ?? (object as ApiObject)) : prepared.commit();
    };
    switch (verb) {
      case 'create':
        return [201, await made(this.#writes.create(target, object))];
      case 'update':
        return [200, await made(this.#writes.update(target, object))];
      case 'patch': {
        const prepared = this.#patch(target, body, request.headers['content-type'] ?? '');
        return [prepared.before === null ? 201 : 200, await made(prepared)];
      }
      case 'delete': {
        const grace = query.get('gracePeriodSeconds') ?? body.gracePeriodSeconds ?? null;
        const prepared = this.#writes.remove(target, grace === null ? null : Number(grace));
        const custom = type === CRD ? this.#customObjects(name) : [];
        const gone = await made(prepared);
        if (isDryRun) return [200, gone];
        for (const [kind, each] of custom) this.#store.remove(kind, each);
        return [200, prepared.isGone ? removed(type, gone) : gone];
      }
      default:
        throw refusals.methodNotAllowed();
    }
  }

  #patch(target: Target, body: JsonObject, contentType: string): Prepared {
    switch (contentType.split(';')[0]) {
      case 'application/merge-patch+json':
      case 'application/strategic-merge-patch+json':
        return this.#writes.mergePatch(target, body);
      case 'application/apply-patch+yaml':
        return this.#writes.apply(target, body);
      default:
        throw refusals.unsupportedMedia('application/merge-patch+json, application/apply-patch+yaml');
    }
  }

  /** The objects of a definition go with it. */
  #customObjects(definition: string): [ResourceType, ApiObject][] {
    return this.types()
      .filter((type) => type.isCustom && `${type.plural}.${type.group}` === definition)
      .flatMap((type) => this.#store.list(type).map((object): [ResourceType, ApiObject] => [type, object]));
  }
}

function removed(type: ResourceType, { metadata: { name, uid } }: ApiObject): JsonObject {
  const group = type.group === '' ? {} : { group: type.group };
  const details = { name, ...group, kind: type.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

function discover(path: Exclude<ApiPath, ObjectsPath>, types: readonly ResourceType[]): JsonObject | null {
  switch (path.kind) {
    case 'version':
      return { major: '1', minor: '36', gitVersion: 'v1.36.0', platform: 'linux/amd64' };
    case 'openapi':
      return path.document === '' ? openapiIndex(types) : openapiDocument(path.document, types);
    case 'versions':
      return coreVersions();
    case 'groups':
      return groupList(types);
    case 'group':
      return groupDocument(path.group, types);
    case 'resources':
      return resourceList(path.groupVersion, types);
    default:
      return path satisfies never;
  }
}

function verbOf(method: string, { name }: ObjectsPath, isWatch: boolean): string {
  if (method === 'GET') return isWatch ? 'watch' : name === '' ? 'list' : 'get';
  const verbs: Readonly<Record<string, string>> = {
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  };
  const verb = verbs[method];
  if (verb === undefined || (name === '') !== (verb === 'create')) throw refusals.methodNotAllowed();
  return verb;
}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body)) return body;
  } catch {
    // The refusal below says it.
  }
  throw refusals.badRequest(`the object provided is unrecognized: ${textAt({ text }, 'text').slice(0, 40)}`);
}

function send(
  response: ServerResponse,
  status: number,
  body: JsonObject | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function refuseUpgrade(socket: Duplex, { status, body }: ApiRefusal): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Content-Type: ${type}`, 'Connection: close'];
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

/** `projectcalico.org` of `/apis/projectcalico.org/v3`; empty for the core group. */
function groupOf(path: string): string {
  return /^\/apis\/([^/]+)/.exec(path)?.[1] ?? '';
}
