export interface NamespaceFact {
  readonly name: string;
  /** The API server adds `kubernetes.io/metadata.name`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The label that the API server gives every Namespace: its name. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * The label of the namespace's name is always included, also if the object lacks it (from a folder) or does not exist.
 */
export function namespaceLabels(
  name: string,
  fact: NamespaceFact | undefined,
): Readonly<Record<string, string>> {
  return { ...fact?.labels, [NAME_LABEL]: name };
}
