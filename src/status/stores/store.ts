/** A place outside of the node that holds one text: the state of the node. */
export interface StateStore {
  /** For messages: `ConfigMap podnat-controller-system/podnat-controller-a`. Holds no password. */
  readonly name: string;
  /** The text; null when there is none. Throws when it cannot be known, in words for a person. */
  read(signal: AbortSignal): Promise<string | null>;
  /** Makes the place where it is missing. What else is kept there stays as it is. */
  write(text: string, signal: AbortSignal): Promise<void>;
}

/** A store did not do what it was asked for; the message says why and what to do. */
export class StoreFailed extends Error {
  override readonly name = 'StoreFailed';
}

/** Which store, and what the state of the node is named by in it. */
export type StoreChoice =
  | { readonly kind: 'configmap'; readonly namespace: string; readonly node: string }
  | { readonly kind: 'webdav'; readonly url: string; readonly node: string };
