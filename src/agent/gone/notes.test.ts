import { expect, test } from 'vitest';
import {
  absent,
  endpoint,
  ip,
  natEntry,
  nodeFacts,
  pod,
  present,
  service,
  servicePort,
  slice,
} from '../../../test/generators/build.ts';
import type { FactChange } from '../../model/facts.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { ENDPOINT_GRACE, GoneNotes, SERVICE_GRACE } from './notes.ts';

const [A, B] = ['10.244.1.1', '10.244.1.2'] as const;
const FRONTEND = '10.96.0.10:80/TCP';

/** A planner whose changes the notes hear first, and a clock that the test moves. */
class Desk {
  readonly planner = new Planner(nodeFacts(), defaultPlanOptions);
  readonly notes = new GoneNotes(this.planner);
  now = 0;
  #delivery = 0;

  constructor(...changes: FactChange[]) {
    this.planner.apply(changes);
  }

  apply(...changes: FactChange[]): void {
    this.notes.delivered(changes, ++this.#delivery, this.now);
    this.planner.apply(changes);
  }

  /** What is found to be gone after these milliseconds. */
  after(milliseconds: number, delivery = this.#delivery): Record<string, readonly string[]> {
    this.now += milliseconds;
    const facts = { node: this.planner.node, options: defaultPlanOptions };
    return Object.fromEntries(this.notes.take(this.now, delivery, facts));
  }
}

const web = present('Service', service());
const both = present('EndpointSlice', slice([A, B]));

test('an endpoint that left its slice is gone after the grace, not before', () => {
  const desk = new Desk(web, both);
  desk.apply(present('EndpointSlice', slice([B])));
  expect(desk.after(ENDPOINT_GRACE - 1)).toEqual({});
  expect(desk.after(1)).toEqual({ [A]: [FRONTEND] });
  expect(desk.notes.nextDue).toBeNull();
});

test('nothing is gone before the plan without it is in force', () => {
  const desk = new Desk(web, both);
  desk.apply(present('EndpointSlice', slice([B])));
  expect(desk.after(ENDPOINT_GRACE, 0)).toEqual({});
  expect(desk.after(0, 1)).toEqual({ [A]: [FRONTEND] });
});

test.each([
  ['drains', { ready: false, serving: true, terminating: true }],
  ['terminates and fails', { ready: false, serving: false, terminating: true }],
  ['is not ready', { ready: false }],
])('an endpoint that %s is not gone', (_, state) => {
  const desk = new Desk(web, both);
  desk.apply(present('EndpointSlice', slice([endpoint(A, state), B])));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
});

test('what comes back within the grace is not gone: slices replaced by others, an endpoint that moves', () => {
  const desk = new Desk(web, both);
  desk.apply(absent('EndpointSlice', 'shop/web-1'));
  desk.now += ENDPOINT_GRACE - 10;
  desk.apply(present('EndpointSlice', slice([A], { name: 'web-2' })));
  desk.apply(present('EndpointSlice', slice([B], { name: 'web-3' })));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
  desk.apply(present('EndpointSlice', slice([], { name: 'web-2', family: 'IPv4' })));
  desk.apply(present('EndpointSlice', slice([A, B], { name: 'web-3' })));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
});

test('each port of a Service by itself, and another target port is no other pod', () => {
  const ports = [servicePort(80, { name: 'http' }), servicePort(443, { name: 'https' })];
  const [http, https] = ['http', 'https'].map((name, index) => ({
    name,
    protocol: 'TCP' as const,
    port: servicePort(8080 + index).port,
  }));
  if (http === undefined || https === undefined) throw new Error('two ports');
  const desk = new Desk(
    present('Service', service({ ports })),
    present('EndpointSlice', slice([A], { ports: [http, https] })),
  );
  desk.apply(present('EndpointSlice', slice([A], { ports: [{ ...http, port: https.port }] })));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({ [A]: ['10.96.0.10:443/TCP'] });
});

test('the Service that still lists an endpoint keeps it', () => {
  const desk = new Desk(
    web,
    both,
    present('Service', service({ name: 'other', clusterIPs: [ip('10.96.0.11')] })),
    present('EndpointSlice', slice([A], { name: 'other-1', serviceName: 'other' })),
  );
  desk.apply(present('EndpointSlice', slice([B])));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({ [A]: [FRONTEND] });
});

test.each([
  ['before its slices', ['Service', 'EndpointSlice']],
  ['after its slices', ['EndpointSlice', 'Service']],
] as const)('a Service that is deleted %s is gone after a longer grace', (_, kinds) => {
  const desk = new Desk(web, both);
  for (const kind of kinds) {
    desk.apply(absent(kind, kind === 'Service' ? 'shop/web' : 'shop/web-1'));
    desk.now += ENDPOINT_GRACE - 10;
  }
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
  const { [A]: a, [B]: b } = desk.after(SERVICE_GRACE);
  expect(new Set(a)).toEqual(new Set([FRONTEND]));
  expect(new Set(b)).toEqual(new Set([FRONTEND]));
});

test('a Service that is created again keeps the endpoints that it lists', () => {
  const desk = new Desk(web, both);
  desk.apply(absent('Service', 'shop/web'), absent('EndpointSlice', 'shop/web-1'));
  desk.now += 2_000;
  desk.apply(present('Service', service({ uid: 'another' })), present('EndpointSlice', slice([B])));
  const { [A]: a, ...others } = desk.after(SERVICE_GRACE);
  expect(new Set(a)).toEqual(new Set([FRONTEND]));
  expect(others).toEqual({});
});

test('slices that are replaced after a Service was created again, one by one, have the longer grace too', () => {
  const second = present('EndpointSlice', slice([B], { name: 'web-2' }));
  const desk = new Desk(web, present('EndpointSlice', slice([A])), second);
  desk.apply(absent('Service', 'shop/web'));
  desk.apply(web);
  desk.now += 300;
  desk.apply(absent('EndpointSlice', 'shop/web-1'));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
  desk.apply(absent('EndpointSlice', 'shop/web-2'));
  expect(desk.after(1_000)).toEqual({});
  desk.apply(present('EndpointSlice', slice([A], { name: 'web-3' })));
  expect(Object.keys(desk.after(2 * SERVICE_GRACE))).toEqual([B]);
  expect(desk.notes.nextDue).toBeNull();
});

test('a Service without any slice waits for one; one whose slice is empty does not', () => {
  const desk = new Desk(web, both);
  desk.apply(absent('EndpointSlice', 'shop/web-1'));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
  desk.apply(both);
  expect(desk.after(SERVICE_GRACE)).toEqual({});
  desk.apply(present('EndpointSlice', slice([], { family: 'IPv4' })));
  expect(Object.keys(desk.after(ENDPOINT_GRACE))).toEqual([A, B]);
});

test('the binding of a Pod is gone with the Pod, not while it terminates, and not with its annotation', () => {
  const smtp = pod([natEntry()]);
  const desk = new Desk(present('Pod', smtp));
  desk.apply(present('Pod', { ...smtp, terminating: true, ready: false }));
  desk.apply(present('Pod', { ...smtp, terminating: true, nat: null }));
  desk.apply(present('Pod', { ...smtp, terminating: true }));
  expect(desk.after(ENDPOINT_GRACE)).toEqual({});
  desk.apply(absent('Pod', 'mail/smtp'));
  const gone = desk.after(ENDPOINT_GRACE);
  expect(Object.keys(gone)).toEqual(['10.244.1.5']);
  expect(gone['10.244.1.5']?.every((key) => key.endsWith(':25/TCP'))).toBe(true);
});

test.each([
  ['finished', { finished: true }],
  ['got another address', { ips: [ip('10.244.1.77')] }],
])('the binding of a Pod that has %s is gone', (_, change) => {
  const smtp = pod([natEntry()]);
  const desk = new Desk(present('Pod', smtp));
  desk.apply(present('Pod', { ...smtp, ...change }));
  expect(Object.keys(desk.after(ENDPOINT_GRACE))).toEqual(['10.244.1.5']);
});

test('the first reading of the source takes nothing away', () => {
  const desk = new Desk();
  desk.apply(web, both, present('Pod', pod([natEntry()])));
  expect(desk.notes.nextDue).toBeNull();
});
