/** A Namespace, for selectors that choose pods by where they are. */
export interface NamespaceFact {
  readonly name: string;
  /** The API server adds `kubernetes.io/metadata.name`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The label that the API server gives every Namespace: its name. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * The labels by which a namespace is chosen. Its name is among them whether or not its object says so, since objects
 * from a folder do not come from an API server, and whether or not there is an object.
 */
export function namespaceLabels(
  name: string,
  fact: NamespaceFact | undefined,
): Readonly<Record<string, string>> {
  return { ...fact?.labels, [NAME_LABEL]: name };
}
