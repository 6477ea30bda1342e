/** A Namespace, for selectors that choose pods by where they are. */
export interface NamespaceFact {
  readonly name: string;
  /** The API server adds `kubernetes.io/metadata.name`. */
  readonly labels: Readonly<Record<string, string>>;
}
