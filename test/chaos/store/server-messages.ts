import type { ServerFault } from './server-faults.ts';

/** Questions to the process of the API server; each has an answer of its own. */
export type ServerRequest =
  /** The answer is a `ServerAccess`. */
  | { readonly command: 'access' }
  /** Breaks connections and refuses new ones, until `unbar`. */
  | { readonly command: 'bar' }
  | { readonly command: 'unbar' }
  /** Breaks every connection. */
  | { readonly command: 'cut' }
  /** Forgets all earlier versions. */
  | { readonly command: 'compact' }
  /** Only for the simulator. */
  | { readonly command: 'fault'; readonly fault: ServerFault }
  /** Ends all of these faults, and every connection. */
  | { readonly command: 'well' }
  /** The only token of the agent's user from now on. */
  | { readonly command: 'token'; readonly token: string }
  | { readonly command: 'restart'; readonly how: 'SIGTERM' | 'SIGKILL' };

/** How the test itself reaches the server, beside the gate that the agent goes through. */
export interface ServerAccess {
  readonly kind: 'simulator' | 'kube-apiserver';
  readonly url: string;
  readonly authority: string;
  readonly adminToken: string;
  readonly knatToken: string;
  /** What the agent is told: the gate's address. */
  readonly kubeconfig: string;
  readonly tokenFile: string;
}
