import type { Simulator } from './simulator/simulator.ts';

/** A cluster to test against: the simulator, or a real etcd and kube-apiserver. */
export interface Cluster {
  readonly kind: 'simulator' | 'kube-apiserver';
  readonly url: string;
  /** PEM text of the authority that signed the server's certificate. */
  readonly authority: string;
  /** Token of a user who may do everything. */
  readonly adminToken: string;
  /** Token of the user `knat`, who may do what ClusterRoles allow. */
  readonly knatToken: string;
  /** Faults on demand; null on the real server, which has none. */
  readonly simulator: Simulator | null;
  /** Stops the server and starts it again, with the same objects; its history is lost. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}
