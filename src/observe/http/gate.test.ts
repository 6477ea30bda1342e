import { describe, expect, test } from 'vitest';
import { type Caller, Gate, type Reviewer, type TokenUser } from './gate.ts';

/** Knows the tokens `reader` and `stranger`; the first may get everything. */
class FakeCluster implements Reviewer {
  asked: string[] = [];
  isDown = false;

  async whoIs(token: string): Promise<TokenUser | null> {
    this.asked.push(token);
    if (this.isDown) throw new Error('down');
    if (token !== 'reader' && token !== 'stranger') return null;
    return { username: token, uid: '', groups: [], extra: {} };
  }

  async mayGet(user: TokenUser, path: string): Promise<boolean> {
    this.asked.push(`${user.username} ${path}`);
    return user.username === 'reader';
  }
}

function caller(
  address: string | undefined,
  headers: Record<string, string> = {},
  path = '/metrics',
): Caller {
  return { address, path, header: (name) => headers[name] };
}

const cluster = () => {
  const reviewer = new FakeCluster();
  const clock = { now: 0 };
  const results: string[] = [];
  const gate = new Gate({ reviewer, now: () => clock.now, reviewed: (result) => results.push(result) });
  return { reviewer, clock, gate, results };
};

const bearer = (token: string) => ({ host: 'node:8484', authorization: `Bearer ${token}` });

describe('callers on this node', () => {
  test.each([
    ['127.0.0.1', 'localhost:8484'],
    ['127.3.2.1', '127.0.0.1'],
    ['::1', '[::1]:8484'],
    ['::ffff:127.0.0.1', 'LOCALHOST'],
  ])('%s asking for %s is asked nothing', async (address, host) => {
    const { gate, reviewer } = cluster();
    expect(await gate.refusal(caller(address, { host }))).toBeNull();
    expect(reviewer.asked).toEqual([]);
  });

  test.each(['evil.example:8484', '127.0.0.1.evil.example', 'localhost.evil.example', '', '[::1'])(
    'a name of someone else’s choice is refused: "%s"',
    async (host) => {
      const { gate } = cluster();
      expect(await gate.refusal(caller('127.0.0.1', { host }))).toMatchObject({ status: 421 });
    },
  );

  test('no Host at all is refused', async () => {
    expect(await cluster().gate.refusal(caller('127.0.0.1'))).toMatchObject({ status: 421 });
  });

  test.each(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])(
    'a proxy (%s) brings others: a token is needed',
    async (header) => {
      const { gate } = cluster();
      const headers = { host: 'localhost', [header]: '203.0.113.9' };
      expect(await gate.refusal(caller('127.0.0.1', headers))).toMatchObject({ status: 401 });
    },
  );
});

describe('callers from elsewhere', () => {
  test.each(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '12.7.0.1', undefined])(
    '%s without a token is refused, whatever Host says',
    async (address) => {
      const { gate } = cluster();
      expect(await gate.refusal(caller(address, { host: 'localhost' }))).toMatchObject({ status: 401 });
    },
  );

  test('a token decides: of a user with the right, of one without, and an unknown one', async () => {
    const { gate, results } = cluster();
    expect(await gate.refusal(caller('192.0.2.1', bearer('reader')))).toBeNull();
    expect(await gate.refusal(caller('192.0.2.1', bearer('stranger')))).toMatchObject({
      status: 403,
      message: 'stranger may not get /metrics: a ClusterRole must allow it',
    });
    expect(await gate.refusal(caller('192.0.2.1', bearer('nobody')))).toMatchObject({ status: 401 });
    expect(results).toEqual(['allowed', 'denied', 'denied']);
  });

  test('a token does for a name on this node too, and other schemes are no token', async () => {
    const { gate } = cluster();
    expect(await gate.refusal(caller('127.0.0.1', bearer('reader')))).toBeNull();
    const basic = { host: 'node', authorization: 'Basic reader' };
    expect(await gate.refusal(caller('192.0.2.1', basic))).toMatchObject({ status: 401 });
  });

  test('without a cluster every caller from afar is refused', async () => {
    const gate = new Gate({ reviewer: null, now: () => 0 });
    expect(await gate.refusal(caller('192.0.2.1', bearer('reader')))).toMatchObject({ status: 403 });
    expect(await gate.refusal(caller('192.0.2.1'))).toMatchObject({ status: 403 });
    expect(await gate.refusal(caller('127.0.0.1', { host: 'localhost' }))).toBeNull();
  });

  test('an answer counts for a while, for its path alone', async () => {
    const { gate, reviewer, clock } = cluster();
    const ask = (path: string) => gate.refusal(caller('192.0.2.1', bearer('reader'), path));
    await Promise.all([ask('/metrics'), ask('/metrics')]);
    await ask('/metrics');
    expect(reviewer.asked).toEqual(['reader', 'reader /metrics']);
    await ask('/api/v1/status');
    expect(reviewer.asked).toHaveLength(4);
    clock.now = 30_001;
    await ask('/metrics');
    expect(reviewer.asked).toHaveLength(6);
  });

  test('while the cluster is unreachable callers are refused, and the refusal is not cached', async () => {
    const { gate, reviewer, results } = cluster();
    reviewer.isDown = true;
    expect(await gate.refusal(caller('192.0.2.1', bearer('reader')))).toMatchObject({ status: 503 });
    expect(results).toEqual(['failed']);
    reviewer.isDown = false;
    expect(await gate.refusal(caller('192.0.2.1', bearer('reader')))).toBeNull();
  });

  test('tokens of chance do not become a flood of questions', async () => {
    const { gate, reviewer, clock } = cluster();
    const statuses: (number | undefined)[] = [];
    for (let index = 0; index < 50; index++) {
      statuses.push((await gate.refusal(caller('192.0.2.1', bearer(`chance-${index}`))))?.status);
    }
    expect(reviewer.asked).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    clock.now += 200;
    expect(await gate.refusal(caller('192.0.2.1', bearer('reader')))).toBeNull();
  });
});
