import { setTimeout as sleep } from 'node:timers/promises';
import { podAddress } from '../kube-objects.ts';
import type { Adding, Rolling } from './cases.ts';
import { endpoint, type ScaleCluster } from './cluster.ts';
import { type Change, type ChangesDone, clock } from './messages.ts';

/** Of a Deployment that is rolled: maxSurge and maxUnavailable. */
const AT_ONCE = 0.25;
/** Rollouts at the same time: as many Services of each size as that size has pods. */
const LANES = 20;

/** The API server forgets the history after so many events. */
const REMEMBERED = 200;

/** One write of an object; gives the address that the kernel must add or remove. */
type Event = () => Omit<Change, 'at'> | null;

/** Services with their endpoints, one at a time. */
export async function addServices(
  cluster: ScaleCluster,
  { services, endpoints, pauseMs }: Adding,
): Promise<ChangesDone> {
  const events = Array.from(
    { length: services },
    (): Event => () => {
      const pods = cluster.addService(endpoints);
      return { address: podAddress(pods.at(-1) ?? 0), what: 'added' };
    },
  );
  return await paced(cluster, events[Symbol.iterator](), pauseMs);
}

/** Rolling updates for some seconds, in the order of a list that is the same in every run. */
export async function rollServices(
  cluster: ScaleCluster,
  { perSecond, seconds }: Rolling,
): Promise<ChangesDone> {
  const lanes = lanesOf(cluster).map((services) => rollOneByOne(cluster, services));
  const events = function* () {
    for (let count = 0; count < perSecond * seconds; count++) {
      const event = lanes[count % lanes.length]?.next().value;
      if (event !== undefined) yield event;
    }
  };
  return await paced(cluster, events(), 1000 / perSecond);
}

/** For each lane its Services. A size with a third of the pods has a third of the lanes, but every size has one. */
function lanesOf(cluster: ScaleCluster): number[][] {
  const bySize = new Map<number, number[]>();
  for (let service = 0; service < cluster.services; service++) {
    const size = cluster.endpointsOf(service);
    const same = bySize.get(size);
    if (same === undefined) bySize.set(size, [service]);
    else same.push(service);
  }
  const pods = [...bySize].reduce((sum, [size, services]) => sum + size * services.length, 0);
  return [...bySize].flatMap(([size, services]) => {
    const wanted = Math.max(1, Math.round((LANES * size * services.length) / pods));
    const count = Math.min(wanted, services.length);
    return Array.from({ length: count }, (_, lane) => services.filter((_, at) => at % count === lane));
  });
}

/** Without end. */
function* rollOneByOne(cluster: ScaleCluster, services: readonly number[]): Generator<Event, undefined> {
  for (;;) for (const service of services) yield* rolled(cluster, service);
}

/** All pods of a Service are replaced: a quarter gets successors, these become ready, and the quarter goes. */
function* rolled(cluster: ScaleCluster, service: number): Generator<Event> {
  const pods = cluster.podsOf(service);
  const batch = Math.max(1, Math.ceil(pods.length * AT_ONCE));
  for (let from = 0; from < pods.length; from += batch) {
    const pairs = pods.slice(from, from + batch).map((old) => ({ ...old, successor: cluster.newPod() }));
    for (const { serial, successor } of pairs) {
      yield () => {
        cluster.changeSlice(service, serial, (all) => [...all, endpoint(service, successor, false)]);
        return null;
      };
    }
    for (const { serial, successor } of pairs) {
      yield () => {
        cluster.changeSlice(service, serial, (all) =>
          all.map((each) => (each.pod === successor ? endpoint(service, successor, true) : each)),
        );
        return { address: podAddress(successor), what: 'added' };
      };
    }
    for (const { serial, pod } of pairs) {
      yield () => {
        cluster.changeSlice(service, serial, (all) => all.filter((each) => each.pod !== pod));
        return { address: podAddress(pod), what: 'removed' };
      };
    }
  }
}

/** Each event at its own time; one that is late does not shift those after it. */
async function paced(cluster: ScaleCluster, events: Iterator<Event>, everyMs: number): Promise<ChangesDone> {
  const changes: Change[] = [];
  const start = clock();
  let latestMs = 0;
  let count = 0;
  for (let next = events.next(); next.done !== true; next = events.next()) {
    const planned = start + count * everyMs;
    const wait = planned - clock();
    if (wait > 0) await sleep(wait);
    const at = clock();
    latestMs = Math.max(latestMs, at - planned);
    const change = next.value();
    if (change !== null) changes.push({ ...change, at });
    count++;
    if (count % REMEMBERED === 0) cluster.forget();
  }
  return { events: count, changes, latestMs };
}
