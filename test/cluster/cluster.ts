import type { Simulator } from './simulator/simulator.ts';

/** A cluster to test against: the simulator, or a real etcd and kube-apiserver. */
export interface Cluster {
  readonly kind: 'simulator' | 'kube-apiserver';
  readonly url: string;
  /** PEM text of the authority that signed the server's certificate. */
  readonly authority: string;
  /** Token of a user who may do everything. */
  readonly adminToken: string;
  /** Token of the user `knat`, who may do what ClusterRoles allow, until `replaceToken`. */
  readonly knatToken: string;
  /** PEM texts by which the same user is known, without a token. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Faults on demand; null on the real server, which has none. */
  readonly simulator: Simulator | null;
  /** Stops the server, gently or not, and starts it again, with the same objects; its history is lost. */
  restart(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Forgets what was before: versions up to now, and what lists go on behind. */
  compact(): Promise<void>;
  /** From now on this is the token of `knat`, and the one before is worth nothing; the server may restart for that. */
  replaceToken(token: string): Promise<void>;
  stop(): Promise<void>;
}
