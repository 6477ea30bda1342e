import type { Simulator } from './simulator/simulator.ts';

/** A cluster to test against: the simulator, or a real etcd and kube-apiserver. */
export interface Cluster {
  readonly kind: 'simulator' | 'kube-apiserver';
  readonly url: string;
  /** PEM text of the authority that signed the server's certificate. */
  readonly authority: string;
  /** Token of a user with all rights. */
  readonly adminToken: string;
  /** Token of the user `knat`, who may do what ClusterRoles allow, until `replaceToken`. */
  readonly knatToken: string;
  /** Client certificate and key (PEM) of the same user. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Faults on demand; null on the real server, which has none. */
  readonly simulator: Simulator | null;
  /** Stops the server, gently or not, and starts it again, with the same objects; its history is lost. */
  restart(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Forgets the history: all earlier versions, and the continue tokens of lists. */
  compact(): Promise<void>;
  /** Gives `knat` this token and makes the previous one invalid; the server may restart for that. */
  replaceToken(token: string): Promise<void>;
  stop(): Promise<void>;
}
