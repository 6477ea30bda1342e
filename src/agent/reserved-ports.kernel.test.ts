import { writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { enterFreshNamespace } from '../../test/netns/namespace.ts';
import { KernelReservedPorts } from './reserved-ports.ts';

beforeAll(() => enterFreshNamespace());

const reserve = (ports: string) => writeFileSync('/proc/sys/net/ipv4/ip_local_reserved_ports', `${ports}\n`);

test('reserved ports of the host are read at the start and after a change, and reported once', () => {
  let look = () => {};
  let stopped = 0;
  const clock = {
    every: (_: number, task: () => void) => {
      look = task;
      return () => stopped++;
    },
  };
  reserve('8080,30000-30010');
  const ports = new KernelReservedPorts(clock);
  const span = (first: number, last = first) => ({ first, last });
  expect(ports.current()).toEqual({ reservedPorts: [span(8080), span(30000, 30010)] });
  let changes = 0;
  const stop = ports.watch(() => changes++);
  look();
  expect(changes).toBe(0);
  reserve('8080,9000');
  look();
  look();
  expect([changes, ports.current()]).toEqual([1, { reservedPorts: [span(8080), span(9000)] }]);
  reserve('');
  look();
  expect([changes, ports.current()]).toEqual([2, { reservedPorts: [] }]);
  stop();
  expect(stopped).toBe(1);
});
