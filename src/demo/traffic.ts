import { setTimeout as sleep } from 'node:timers/promises';
import { type Dual, lanAddress, outsideAddress, podAddress, serviceAddress } from '../lab/address-plan.ts';
import type { Cluster } from '../lab/cluster.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';
import { MAIL_ADDRESS } from './stage.ts';

/** Connections a second. Conntrack remembers each for two minutes at most. */
const PER_SECOND = 5;
const PATIENCE_MS = 500;

interface Talk {
  readonly from: string;
  readonly to: Dual<string>;
  readonly port: number;
  readonly protocol: Protocol;
}

const web = serviceAddress(10);
const mail = serviceAddress(25);
const voice = serviceAddress(34);

/** What node1 translates; repeated rows are dialled more often. */
const TALKS: readonly Talk[] = [
  { from: 'desk', to: web, port: 80, protocol: 'TCP' },
  { from: 'client', to: lanAddress(11), port: 30080, protocol: 'TCP' },
  { from: 'client', to: MAIL_ADDRESS, port: 25, protocol: 'TCP' },
  { from: 'desk', to: outsideAddress(10), port: 443, protocol: 'TCP' },
  { from: 'desk', to: web, port: 80, protocol: 'TCP' },
  { from: 'node1', to: voice, port: 3478, protocol: 'UDP' },
  { from: 'mail', to: outsideAddress(10), port: 443, protocol: 'TCP' },
  { from: 'client', to: lanAddress(11), port: 30080, protocol: 'TCP' },
  // The port after the story has changed the annotation.
  { from: 'client', to: MAIL_ADDRESS, port: 587, protocol: 'TCP' },
  { from: 'desk', to: mail, port: 25, protocol: 'TCP' },
  { from: 'desk', to: outsideAddress(10), port: 443, protocol: 'UDP' },
  { from: 'desk', to: podAddress(2, 10), port: 8080, protocol: 'TCP' },
];

/** Sends light traffic over node1 until the signal aborts. Connections without an answer are ignored. */
export async function keepTalking(
  cluster: Cluster,
  families: readonly Family[],
  signal: AbortSignal,
): Promise<void> {
  const rounds = TALKS.flatMap((talk) => families.map((family) => ({ ...talk, to: talk.to[family] })));
  for (let turn = 0; !signal.aborted; turn++) {
    const talk = rounds[turn % rounds.length];
    if (talk === undefined) return;
    const { from, ...dial } = talk;
    const dialled = cluster
      .host(from)
      .host.probe()
      .dial({ ...dial, timeoutMs: PATIENCE_MS });
    const pause = sleep(1000 / PER_SECOND, undefined, { signal });
    await Promise.all([dialled.catch(() => {}), pause.catch(() => {})]);
  }
}
