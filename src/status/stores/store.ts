/** A place outside the node that holds one text: the node's state. */
export interface StateStore {
  /** For messages: `ConfigMap podnat-controller-system/podnat-controller-a`. Contains no password. */
  readonly name: string;
  /** Null if there is no text. Throws a message for people. */
  read(signal: AbortSignal): Promise<string | null>;
  /** Creates the place if necessary. Other content of the place stays. */
  write(text: string, signal: AbortSignal): Promise<void>;
}

/** The message says why and what to do. */
export class StoreFailed extends Error {
  override readonly name = 'StoreFailed';
}

/** The kind of store, and the name of the node's state in it. */
export type StoreChoice =
  | { readonly kind: 'configmap'; readonly namespace: string; readonly node: string }
  | { readonly kind: 'webdav'; readonly url: string; readonly node: string };
