import { isJsonObject, type JsonObject, textAt } from './objects.ts';
import { BUILT_IN, type ResourceType } from './resource-types.ts';
import type { Store } from './store.ts';

export interface User {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

/** A requested action on a resource. */
export interface Attempt {
  readonly verb: string;
  readonly type: ResourceType;
  readonly subresource: string;
}

/** Bearer tokens and what their owners may do: ClusterRoles and their bindings, as in RBAC. */
export class Users {
  readonly #store: Store;
  readonly #byToken = new Map<string, User>();
  readonly #roles = typeOf('ClusterRole');
  readonly #bindings = typeOf('ClusterRoleBinding');

  constructor(store: Store) {
    this.#store = store;
  }

  add(token: string, username: string, groups: readonly string[] = []): void {
    this.#byToken.set(token, { username, uid: username, groups: [...groups, 'system:authenticated'] });
  }

  revoke(token: string): void {
    this.#byToken.delete(token);
  }

  withToken(token: string): User | null {
    return this.#byToken.get(token) ?? null;
  }

  mayDo(user: User, attempt: Attempt): boolean {
    if (user.groups.includes('system:masters')) return true;
    return this.#rulesOf(user).some((rule) => allows(rule, attempt));
  }

  /** A path that is no resource: `nonResourceURLs`, with `*` at the end for all below. */
  mayVisit(user: User, verb: string, path: string): boolean {
    if (user.groups.includes('system:masters')) return true;
    return this.#rulesOf(user).some(({ verbs, nonResourceURLs }) => {
      if (!Array.isArray(verbs) || !Array.isArray(nonResourceURLs)) return false;
      const fits = (url: unknown) =>
        url === path || (String(url).endsWith('*') && path.startsWith(String(url).slice(0, -1)));
      return (verbs.includes(verb) || verbs.includes('*')) && nonResourceURLs.some(fits);
    });
  }

  #rulesOf(user: User): JsonObject[] {
    return this.#store.list(this.#bindings).flatMap(({ subjects, roleRef }) => {
      const isBound = recordsOf(subjects).some(({ kind, name }) =>
        kind === 'Group' ? user.groups.includes(String(name)) : name === user.username,
      );
      const role = isBound ? this.#store.get(this.#roles, '', textAt(roleRef, 'name')) : null;
      return recordsOf(role?.rules);
    });
  }
}

function allows(rule: JsonObject, { verb, type, subresource }: Attempt): boolean {
  const resource = subresource === '' ? type.plural : `${type.plural}/${subresource}`;
  const has = (key: string, value: string) => {
    const list = rule[key];
    return Array.isArray(list) && (list.includes(value) || list.includes('*'));
  };
  return has('verbs', verb) && has('apiGroups', type.group) && has('resources', resource);
}

function recordsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function typeOf(kind: string): ResourceType {
  const found = BUILT_IN.find((type) => type.kind === kind);
  if (found === undefined) throw new TypeError(kind);
  return found;
}
