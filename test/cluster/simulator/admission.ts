import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { Environment } from '@marcbachmann/cel-js';
import { type ApiObject, isJsonObject, type JsonObject, objectAt, textAt } from './objects.ts';
import { BUILT_IN, groupVersion, type ResourceType } from './resource-types.ts';
import { ApiRefusal, failureStatus } from './status.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';
import type { Prepared, Target } from './writes.ts';

/** A write before it is made. */
export interface AskedWrite {
  readonly target: Target;
  readonly prepared: Prepared;
  readonly user: User;
  readonly isDryRun: boolean;
}

/** Characters of all warnings together from which on each is cut, and to how many: `warning.go` of k8s.io/apiserver. */
const CUT_FROM = 4096;
const CUT_TO = 256;

const CONFIGURATIONS = typeOf('ValidatingWebhookConfiguration');
const NAMESPACES = typeOf('Namespace');

/**
 * Calls validating webhooks as the API server does: rules, selectors and conditions first, then over TLS with the
 * `caBundle` and the name of the Service. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
export class Admission {
  /** NAMESPACE/NAME of a Service to the port on loopback that stands for it. */
  readonly ports = new Map<string, number>();
  /** Calls that got no answer, with the reason. */
  readonly failures: string[] = [];
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The warnings of all webhooks. Throws the refusal of one that denies, and of one that fails and may not. */
  async review(write: AskedWrite): Promise<string[]> {
    if (write.target.type.group === 'admissionregistration.k8s.io') return [];
    const configurations = this.#store.list(CONFIGURATIONS);
    const asked = configurations.flatMap(({ webhooks }) =>
      recordsOf(webhooks).filter((webhook) => this.#concerns(webhook, write)),
    );
    const answers = await Promise.all(asked.map((webhook) => this.#ask(webhook, write)));
    const warnings = [...new Set(answers.flatMap((each) => each.warnings))];
    const denial = answers.find(({ refusal }) => refusal !== null)?.refusal ?? null;
    if (denial !== null) throw denial;
    const isLong = warnings.reduce((sum, each) => sum + [...each].length, 0) > CUT_FROM;
    return isLong ? warnings.map((each) => [...each].slice(0, CUT_TO).join('')) : warnings;
  }

  #concerns(webhook: JsonObject, write: AskedWrite): boolean {
    const { type, namespace, subresource } = write.target;
    const operation = operationOf(write.prepared);
    const resource = subresource === '' ? type.plural : `${type.plural}/${subresource}`;
    const fits = recordsOf(webhook.rules).some(
      (rule) =>
        has(rule.operations, operation) &&
        has(rule.apiGroups, type.group) &&
        has(rule.apiVersions, type.version) &&
        has(rule.resources, resource) &&
        (textAt(rule, 'scope') || '*').replace('*', scopeOf(type)) === scopeOf(type),
    );
    if (!fits) return false;
    const { before, after } = write.prepared;
    const objects = [before, after].filter((each) => each !== null);
    const place = type === NAMESPACES ? (after ?? before) : this.#store.get(NAMESPACES, '', namespace);
    const isInPlace =
      (!type.namespaced && type !== NAMESPACES) || selects(objectAt(webhook, 'namespaceSelector'), place);
    const isSelected = objects.some((each) => selects(objectAt(webhook, 'objectSelector'), each));
    return isInPlace && isSelected && meetsConditions(webhook, write);
  }

  async #ask(
    webhook: JsonObject,
    write: AskedWrite,
  ): Promise<{ warnings: string[]; refusal: ApiRefusal | null }> {
    const name = textAt(webhook, 'name');
    try {
      const { response } = await this.#call(webhook, reviewOf(write));
      const answer = objectAt({ response }, 'response');
      const warnings = Array.isArray(answer.warnings) ? answer.warnings.map(String) : [];
      if (answer.allowed === true) return { warnings, refusal: null };
      const status = objectAt(answer, 'status');
      const code = Number(status.code ?? 0);
      const message = `admission webhook ${JSON.stringify(name)} denied the request: ${textAt(status, 'message')}`;
      const reason = textAt(status, 'reason');
      return { warnings, refusal: refusalOf(code >= 400 ? code : 400, reason, message) };
    } catch (error) {
      this.failures.push(String(error));
      if (textAt(webhook, 'failurePolicy') === 'Ignore') return { warnings: [], refusal: null };
      const message = `Internal error occurred: failed calling webhook ${JSON.stringify(name)}: ${error}`;
      return { warnings: [], refusal: refusalOf(500, 'InternalError', message) };
    }
  }

  async #call(webhook: JsonObject, body: JsonObject): Promise<JsonObject> {
    const config = objectAt(webhook, 'clientConfig');
    const service = objectAt(config, 'service');
    const [namespace, name] = [textAt(service, 'namespace'), textAt(service, 'name')];
    const port = this.ports.get(`${namespace}/${name}`);
    if (port === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
    const text = JSON.stringify(body);
    const timeout = AbortSignal.timeout(Number(webhook.timeoutSeconds ?? 10) * 1000);
    return await new Promise<JsonObject>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path: `${textAt(service, 'path')}?timeout=${webhook.timeoutSeconds ?? 10}s`,
        method: 'POST',
        servername: `${name}.${namespace}.svc`,
        ca: Buffer.from(textAt(config, 'caBundle'), 'base64').toString('utf8'),
        agent: false,
        signal: timeout,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
      };
      const sent = request(options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode !== 200) return reject(new Error(`the server answered ${answer.statusCode}`));
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonObject);
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }
}

function reviewOf({ target, prepared, user, isDryRun }: AskedWrite): JsonObject {
  const { type, namespace, name } = target;
  const kind = { group: type.group, version: type.version, kind: type.kind };
  const resource = { group: type.group, version: type.version, resource: type.plural };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      ...(name === '' ? {} : { name }),
      ...(type.namespaced ? { namespace } : type === NAMESPACES ? { namespace: name } : {}),
      operation: operationOf(prepared),
      userInfo: { username: user.username, uid: user.uid, groups: user.groups },
      object: prepared.after === null ? null : typed(prepared.after, type),
      oldObject: prepared.before === null ? null : typed(prepared.before, type),
      dryRun: isDryRun,
      options: null,
    },
  };
}

function meetsConditions(webhook: JsonObject, write: AskedWrite): boolean {
  const { request: asked } = reviewOf(write) as { request: JsonObject };
  const variables = { request: asked, object: asked.object, oldObject: asked.oldObject };
  return recordsOf(webhook.matchConditions).every(
    (condition) => ENVIRONMENT.parse(textAt(condition, 'expression'))(variables) === true,
  );
}

const ENVIRONMENT = new Environment()
  .registerVariable('request', 'dyn')
  .registerVariable('object', 'dyn')
  .registerVariable('oldObject', 'dyn');

function operationOf({ before, after }: Prepared): string {
  return before === null ? 'CREATE' : after === null ? 'DELETE' : 'UPDATE';
}

function typed(object: ApiObject, type: ResourceType): JsonObject {
  return { ...object, apiVersion: groupVersion(type), kind: type.kind };
}

function scopeOf({ namespaced }: ResourceType): string {
  return namespaced ? 'Namespaced' : 'Cluster';
}

function has(list: unknown, value: string): boolean {
  return Array.isArray(list) && (list.includes(value) || list.includes('*'));
}

/** `matchLabels` and `matchExpressions`; the label with the name of a Namespace is always there. */
function selects(selector: JsonObject, object: ApiObject | null): boolean {
  const { labels: given = {}, name = '' } = object?.metadata ?? {};
  const labels: Readonly<Record<string, string>> =
    object?.kind === 'Namespace' ? { 'kubernetes.io/metadata.name': name, ...given } : given;
  const equal = Object.entries(objectAt(selector, 'matchLabels')).every(
    ([key, value]) => labels[key] === value,
  );
  return (
    equal &&
    recordsOf(selector.matchExpressions).every(({ key, operator, values }) => {
      const value = labels[String(key)];
      const isIn = value !== undefined && Array.isArray(values) && values.includes(value);
      switch (operator) {
        case 'In':
          return isIn;
        case 'NotIn':
          return !isIn;
        case 'Exists':
          return value !== undefined;
        default:
          return value === undefined;
      }
    })
  );
}

function refusalOf(code: number, reason: string, message: string): ApiRefusal {
  return new ApiRefusal(code, failureStatus(code, reason, message));
}

function recordsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function typeOf(kind: string): ResourceType {
  const found = BUILT_IN.find((type) => type.kind === kind);
  if (found === undefined) throw new TypeError(kind);
  return found;
}
