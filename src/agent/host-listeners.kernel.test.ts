import { createServer, type Server } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { enterFreshNamespace } from '../../test/netns/namespace.ts';
import { formatListener } from '../plan/host-listeners.ts';
import { KernelListeners } from './host-listeners.ts';

beforeAll(() => enterFreshNamespace());

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '0.0.0.0', port }, resolve));
  return server;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

test('a socket more or less is seen at the next look; one in place of another within ten seconds', async () => {
  let now = 0;
  const listeners = new KernelListeners({ now: () => now, every: () => () => {} });
  const shown = () => listeners.current().listeners.map(formatListener);
  const look = (at: number) => {
    now = at;
    return listeners.look();
  };
  try {
    const first = await listenOn(81);
    expect([look(2_000), shown()]).toEqual([true, ['*:81']]);
    expect(look(4_000)).toBe(false);
    const second = await listenOn(82);
    expect([look(6_000), shown()]).toEqual([true, ['*:81', '*:82']]);
    await close(first);
    const third = await listenOn(83);
    expect([look(8_000), shown()]).toEqual([false, ['*:81', '*:82']]);
    expect([look(16_000), shown()]).toEqual([true, ['*:82', '*:83']]);
    await close(second);
    await close(third);
    expect([look(18_000), shown()]).toEqual([true, []]);
  } finally {
    listeners.close();
  }
});
