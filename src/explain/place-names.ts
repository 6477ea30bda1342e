import type { NamedFacts } from './place.ts';

/** A place as `findPlace` reads it, or the beginning of one that ends with `/`. */
type PlaceText = string;

const KINDS = ['pod/', 'svc/', 'node/'] as const;

/**
 * Places that begin with the text, for completion: `pod/`, then `pod/NAMESPACE/`, then `pod/NAMESPACE/NAME`; after a Service's
 * name and a colon, its ports by name or number. Looks at each object of the kind once.
 *
 * @param limit at most this many, in the order of the objects
 */
export function placesFrom(
  text: string,
  { services, pods, nodes }: Pick<NamedFacts, 'services' | 'pods' | 'nodes'>,
  limit: number,
): PlaceText[] {
  const [kind, rest] = splitKind(text);
  switch (kind) {
    case 'pod/':
      return namesFrom(rest, pods.keys(), limit).map((name) => `pod/${name}`);
    case 'svc/': {
      const colon = rest.indexOf(':');
      if (colon < 0) return namesFrom(rest, services.keys(), limit).map((name) => `svc/${name}`);
      const name = rest.slice(0, colon);
      const ports = (services.get(name)?.ports ?? []).map(({ name: port, port: number }) =>
        port === '' ? String(number) : port,
      );
      return [...new Set(ports)]
        .map((port) => `svc/${name}:${port}`)
        .filter((place) => place.startsWith(text));
    }
    case 'node/':
      return [...nodes.keys()]
        .filter((name) => name.startsWith(rest))
        .slice(0, limit)
        .map((name) => `node/${name}`);
    default:
      return KINDS.filter((each) => each.startsWith(text));
  }
}

function splitKind(text: string): [string, string] {
  const slash = text.indexOf('/') + 1;
  return [text.slice(0, slash), text.slice(slash)];
}

/** Namespaces, while several are possible; else the names in the namespace. */
function namesFrom(text: string, keys: Iterable<string>, limit: number): string[] {
  const found = new Set<string>();
  const namespaces = new Set<string>();
  const isNamespaceKnown = text.includes('/');
  for (const key of keys) {
    if (!key.startsWith(text)) continue;
    namespaces.add(key.slice(0, key.indexOf('/') + 1));
    if (found.size < limit) found.add(key);
    else if (isNamespaceKnown || namespaces.size > limit) break;
  }
  return isNamespaceKnown || namespaces.size < 2 ? [...found] : [...namespaces].slice(0, limit);
}
