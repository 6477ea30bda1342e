import type { ChainWalker } from './chains.ts';
import { endOf, translatedByConnection } from './connection.ts';
import type { Course, Division, Ended } from './course.ts';
import { merged } from './course.ts';
import { packetKey } from './packet.ts';
import type { BaseChain, HookName } from './rule.ts';

/** `enum nf_ip_hook_priorities` of netfilter_ipv4.h. */
const CONNTRACK = -200;
const NAT = { prerouting: -100, output: -100, postrouting: 100, input: 100, forward: 0 } as const;

/** Rules of ours at a hook, which the caller decides by the plan. */
export interface OwnChain<Own> {
  readonly hook: HookName;
  readonly type: 'filter' | 'nat';
  readonly priority: number;
  /** For messages about the order. */
  readonly table: string;
  readonly name: string;
  walk(course: Course<Own>): Division<Own>;
}

type Stop<Own> = {
  readonly at: number;
  readonly own: OwnChain<Own> | null;
  readonly chain: BaseChain | null;
};

/**
 * Sends courses through one hook, other programs' chains and ours by priority. All chains of type nat are asked in one place,
 * in the order of their own priorities, until one has translated (nf_nat_core.c, nf_nat_inet_fn).
 * @param routeAgain of the hook output: what translation, or a chain of type route, changed is routed again; null: it ends there
 * @param isSecond the packet has passed the nat chains of its connection before: what the node sends to itself
 */
export async function throughHook<Own>(
  hook: HookName,
  start: readonly Course<Own>[],
  walker: ChainWalker,
  foreign: readonly BaseChain[],
  own: readonly OwnChain<Own>[],
  isSecond = false,
  routeAgain: (course: Course<Own>) => Course<Own> | null = (course) => course,
): Promise<Division<Own>> {
  const stops = stopsOf(hook, foreign, own);
  const filters = stops.filter(({ own: ours, chain }) => (ours ?? chain)?.type !== 'nat');
  const nats = stops.filter(({ own: ours, chain }) => (ours ?? chain)?.type === 'nat');
  const ended: Ended<Own>[] = [];
  let open = start;
  const pass = async (
    walk: (course: Course<Own>) => Promise<Division<Own>>,
    routes: 'routes' | null = null,
  ) => {
    const next: Course<Own>[] = [];
    for (const course of open) {
      const division = await walk(course);
      for (const after of division.on) {
        const routed = routes !== null && needsRoute(course, after) ? routeAgain(after) : after;
        if (routed !== null) next.push(routed);
      }
      ended.push(...division.ended);
    }
    open = merged(next);
  };
  const filtersIn = async (from: number, to: number) => {
    for (const group of byPriority(filters.filter(({ at }) => at >= from && at < to))) {
      const routes = group.some(({ chain }) => chain?.type === 'route') ? 'routes' : null;
      await pass((course) => inEitherOrder(group, course, walker), routes);
    }
  };
  const tracks = hook === 'prerouting' || hook === 'output';
  if (tracks) {
    await filtersIn(Number.NEGATIVE_INFINITY, CONNTRACK);
    open = open.map(tracked);
  }
  await filtersIn(tracks ? CONNTRACK : Number.NEGATIVE_INFINITY, NAT[hook]);
  if (!isSecond && hook !== 'forward')
    await pass((course) => throughNat(hook, nats, course, walker), 'routes');
  await filtersIn(NAT[hook], Number.POSITIVE_INFINITY);
  return { on: open, ended };
}

function stopsOf<Own>(
  hook: HookName,
  foreign: readonly BaseChain[],
  own: readonly OwnChain<Own>[],
): Stop<Own>[] {
  const stops = [
    ...own.filter((one) => one.hook === hook).map((one) => ({ at: one.priority, own: one, chain: null })),
    ...foreign.filter((one) => one.hook === hook).map((one) => ({ at: one.priority, own: null, chain: one })),
  ];
  // Of the same priority, the chain that was made last is asked first; newer tables mostly have newer chains.
  const ageOf = ({ chain }: Stop<Own>) => chain?.age ?? 0;
  return stops.sort((a, b) => a.at - b.at || ageOf(b) - ageOf(a));
}

async function through<Own>(
  { own, chain }: Stop<Own>,
  course: Course<Own>,
  walker: ChainWalker,
): Promise<Division<Own>> {
  if (own !== null) return own.walk(course);
  return chain === null ? { on: [course], ended: [] } : await walker.base(chain, course);
}

function tracked<Own>(course: Course<Own>): Course<Own> {
  const { packet } = course;
  if (packet.tracking !== 'before') return course;
  return {
    ...course,
    packet: { ...packet, tracking: packet.connection === 'none' ? 'unplaced' : 'tracked' },
  };
}

/** nf_route_table_hook4 of nft_chain_route.c, nf_nat_ipv4_local_fn of nf_nat_proto.c. */
function needsRoute<Own>({ packet }: Course<Own>, { packet: after }: Course<Own>): boolean {
  return (
    packet.source !== after.source ||
    packet.destination !== after.destination ||
    packet.mark.value !== after.mark.value ||
    packet.mark.known !== after.mark.known
  );
}

async function oneAfterTheOther<Own>(
  stops: readonly Stop<Own>[],
  course: Course<Own>,
  walker: ChainWalker,
): Promise<Division<Own>> {
  let on: readonly Course<Own>[] = [course];
  const ended: Ended<Own>[] = [];
  for (const stop of stops) {
    const next: Course<Own>[] = [];
    for (const one of on) {
      const division = await through(stop, one, walker);
      next.push(...division.on);
      ended.push(...division.ended);
    }
    on = merged(next);
  }
  return { on, ended };
}

/**
 * Filter chains of one priority. The kernel asks first the chain that was hooked in last; of several tables nobody knows which
 * one that is. Where the order makes a difference, the answer depends on it.
 */
async function inEitherOrder<Own>(
  stops: readonly Stop<Own>[],
  course: Course<Own>,
  walker: ChainWalker,
): Promise<Division<Own>> {
  const division = await oneAfterTheOther(stops, course, walker);
  const [first, last] = [stops[0], stops.at(-1)];
  if (first === undefined || last === undefined || tableOf(first) === tableOf(last)) return division;
  if (isUntouched(division, course)) return division;
  const reversed = [...stops].sort((a, b) => (a.chain?.age ?? 0) - (b.chain?.age ?? 0));
  const other = await oneAfterTheOther(reversed, course, walker);
  if (divisionKey(other) === divisionKey(division)) return division;
  const { on, ended } = asOther(other, first, last);
  return { on: [...division.on, ...on], ended: [...division.ended, ...ended] };
}

function tableOf<Own>({ own, chain }: Stop<Own>): string {
  return own?.table ?? chain?.table ?? '';
}

async function throughNat<Own>(
  hook: HookName,
  stops: readonly Stop<Own>[],
  course: Course<Own>,
  walker: ChainWalker,
): Promise<Division<Own>> {
  const end = endOf(hook);
  const { tracking, isDecided, connection } = course.packet;
  if (tracking !== 'tracked' || isDecided[end]) return { on: [course], ended: [] };
  if (connection !== undefined && connection !== 'none') {
    const packet = translatedByConnection(course.packet, connection, hook);
    return { on: [{ ...course, packet }], ended: [] };
  }
  const ended: Ended<Own>[] = [];
  const done: Course<Own>[] = [];
  let open: readonly Course<Own>[] = [course];
  for (const group of byPriority(stops)) {
    const next: Course<Own>[] = [];
    for (const one of open) {
      for (const division of await inOneOrAnother(group, one, walker)) {
        ended.push(...division.ended);
        for (const after of division.on) (after.packet.isDecided[end] ? done : next).push(after);
      }
    }
    open = merged(next);
  }
  const untouched = open.map((one): Course<Own> => {
    return { ...one, packet: { ...one.packet, isDecided: { ...one.packet.isDecided, [end]: true } } };
  });
  return { on: merged([...done, ...untouched]), ended };
}

function byPriority<Own>(stops: readonly Stop<Own>[]): Stop<Own>[][] {
  const groups = new Map<number, Stop<Own>[]>();
  for (const stop of stops) groups.set(stop.at, [...(groups.get(stop.at) ?? []), stop]);
  return [...groups.values()];
}

/**
 * Chains of one priority are asked one after the other, but the kernel does not tell in which order. If more than one of
 * them does something with the packet, and not the same, it depends on that order.
 */
async function inOneOrAnother<Own>(
  stops: readonly Stop<Own>[],
  course: Course<Own>,
  walker: ChainWalker,
): Promise<Division<Own>[]> {
  const deciding: { readonly stop: Stop<Own>; readonly division: Division<Own> }[] = [];
  for (const stop of stops) {
    const division = await through(stop, course, walker);
    if (!isUntouched(division, course)) deciding.push({ stop, division });
  }
  const [first, ...others] = deciding;
  if (first === undefined) return [{ on: [course], ended: [] }];
  if (
    first.division.on.some(({ packet }) => packetKey(packet) === packetKey(course.packet)) &&
    others.length > 0
  ) {
    // The first may or may not decide: where it does not, the others are asked.
    const on: Course<Own>[] = [];
    const rest: Division<Own>[] = [];
    for (const one of first.division.on) {
      if (packetKey(one.packet) !== packetKey(course.packet)) on.push(one);
      else
        rest.push(
          ...(await inOneOrAnother(
            stops.filter((stop) => stop !== first.stop),
            one,
            walker,
          )),
        );
    }
    return [{ on, ended: first.division.ended }, ...rest];
  }
  const different = others.filter(({ division }) => divisionKey(division) !== divisionKey(first.division));
  return [first.division, ...different.map(({ stop, division }) => asOther(division, first.stop, stop))];
}

function isUntouched<Own>({ on, ended }: Division<Own>, { packet }: Course<Own>): boolean {
  return ended.length === 0 && on.every((one) => packetKey(one.packet) === packetKey(packet));
}

function divisionKey<Own>({ on, ended }: Division<Own>): string {
  return JSON.stringify(
    [on.map(({ packet }) => packetKey(packet)), ended.map(({ verdict }) => verdict)].sort(),
  );
}

function asOther<Own>({ on, ended }: Division<Own>, first: Stop<Own>, stop: Stop<Own>): Division<Own> {
  const { table, name } = (stop.own ?? stop.chain) as { table: string; name: string };
  const before = (first.own ?? first.chain) as { table: string; name: string };
  const assumption = {
    rule: { table, chain: name, text: '' },
    dependsOn: `the order of chain ${before.name} of ${before.table} and chain ${name} of ${table}, which have the same priority`,
  };
  const assuming = (course: Course<Own>) => ({ ...course, assumed: [...course.assumed, assumption] });
  return { on: on.map(assuming), ended: ended.map((one) => ({ ...one, course: assuming(one.course) })) };
}
