import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { ServiceFact } from '../../src/model/service.ts';
import type { IpAddress } from '../../src/net/address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { endpoint, ip, nodeFacts, service, slice } from '../generators/build.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';

const signal = new AbortController().signal;
const ENDPOINTS = 9;
const CLIENTS = 6;

/** Two families of the same thing. */
const families = {
  IPv4: {
    clusterIP: ip('10.96.0.10'),
    endpoints: Array.from({ length: ENDPOINTS }, (_, i) => `10.244.1.${i + 1}`),
    clients: Array.from({ length: CLIENTS }, (_, i) => ip(`198.51.100.${i + 1}`)),
  },
  IPv6: {
    clusterIP: ip('fd00:10:96::a'),
    endpoints: Array.from({ length: ENDPOINTS }, (_, i) => `fd00:10:244::${i + 1}`),
    clients: Array.from({ length: CLIENTS }, (_, i) => ip(`2001:db8:198::${i + 1}`)),
  },
} as const;

const externalIP = { IPv4: ip('192.0.2.50'), IPv6: ip('2001:db8::77') } as const;

let stage: Stage;
let planner: Planner;

beforeAll(async () => {
  stage = await Stage.build();
  const { IPv4, IPv6 } = families;
  await stage.setUp({
    nodeAddresses: [ip('203.0.113.1'), ip('2001:db8::1')],
    sources: [...IPv4.clients, ...IPv6.clients],
    targets: [...IPv4.endpoints, ...IPv6.endpoints].map((text) => {
      return { address: ip(text), protocol: 'TCP' as const, port: 8080 };
    }),
  });
});

afterAll(() => stage.dispose());

beforeEach(async () => {
  await stage.datapath.remove(signal);
  planner = new Planner(nodeFacts(), defaultPlanOptions);
});

async function program(endpoints: number | readonly string[], rest: Partial<ServiceFact> = {}) {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const all = families[family].endpoints;
    const wanted =
      typeof endpoints === 'number'
        ? all.slice(0, endpoints)
        : all.filter((_, i) => endpoints.includes(`${i}`));
    const fact = slice(wanted, { name: `web-${family}`, family });
    planner.apply([{ kind: 'EndpointSlice', key: `shop/web-${family}`, fact }]);
  }
  const clusterIPs = [families.IPv4.clusterIP, families.IPv6.clusterIP];
  const fact = service({ clusterIPs, affinityTimeoutSeconds: 10_800, ...rest });
  planner.apply([{ kind: 'Service', key: 'shop/web', fact }]);
  return await stage.datapath.converge(planner.update(), signal);
}

/** Who answers the client now; throws when nobody does. */
function answerTo(source: IpAddress, family: 'IPv4' | 'IPv6'): Promise<string> {
  return answerOf({ source, address: families[family].clusterIP, protocol: 'TCP', port: 80 });
}

async function answerOf(dialled: Dialled): Promise<string> {
  const outcome = await stage.dial(dialled, 3000);
  if (outcome.outcome !== 'answered') throw new Error(`${dialled.source}: ${JSON.stringify(outcome)}`);
  return outcome.by;
}

/** Dials often as each client: the one endpoint that each of them got. */
async function homes(family: 'IPv4' | 'IPv6', times = 8): Promise<Map<IpAddress, string>> {
  const found = new Map<IpAddress, string>();
  for (const client of families[family].clients) {
    const answers = new Set<string>();
    for (let i = 0; i < times; i++) answers.add(await answerTo(client, family));
    expect([...answers], `${client} stays`).toHaveLength(1);
    found.set(client, [...answers][0] ?? '');
  }
  return found;
}

test.each(['IPv4', 'IPv6'] as const)('%s: a client stays, and the clients spread', async (family) => {
  for (const count of [1, 3, ENDPOINTS]) {
    await stage.datapath.remove(signal); // who came before stays where he is, also when others come
    await program(count);
    const found = await homes(family);
    if (count > 1) expect(new Set(found.values()).size, `${count} endpoints`).toBeGreaterThan(1);
  }
});

test.each(['IPv4', 'IPv6'] as const)(
  '%s: endpoints that come and go move only their own clients',
  async (family) => {
    await program(['1', '2', '3']);
    const before = await homes(family, 3);
    await program(ENDPOINTS);
    expect(await homes(family, 3)).toEqual(before);
    const goner = [...before.values()][0] ?? '';
    const index = families[family].endpoints.findIndex(
      (text) => goner.includes(`${text}]`) || goner === `${text}:8080`,
    );
    expect(index).toBeGreaterThanOrEqual(0);
    await program(Array.from({ length: ENDPOINTS }, (_, i) => `${i}`).filter((text) => text !== `${index}`));
    const after = await homes(family, 3);
    for (const [client, home] of before) {
      if (home === goner) expect(after.get(client)).not.toBe(goner);
      else expect(after.get(client)).toBe(home);
    }
  },
);

test('a restarted agent and another skeleton move no client', async () => {
  await program(ENDPOINTS);
  const before = { IPv4: await homes('IPv4', 2), IPv6: await homes('IPv6', 2) };
  const restarted = NftablesDatapath.open();
  expect(await restarted.converge(planner.update(), signal)).toMatchObject({
    elementsAdded: 0,
    elementsDeleted: 0,
  });
  nft('add set ip knat of_another_version { typeof ip saddr; }');
  expect(await restarted.converge(planner.update(), signal)).toMatchObject({ elementsAdded: 0 });
  const swapped = NftablesDatapath.open();
  expect(await swapped.converge(planner.update(), signal)).toMatchObject({ skeleton: 'swapped' });
  swapped.close();
  restarted.close();
  expect({ IPv4: await homes('IPv4', 2), IPv6: await homes('IPv6', 2) }).toEqual(before);
});

test('clients that the kernel has twice move neither, and keep nobody from another skeleton', async () => {
  await program(ENDPOINTS);
  const before = { IPv4: await homes('IPv4', 2), IPv6: await homes('IPv6', 2) };
  repeatClients();
  nft('add set ip knat of_another_version { typeof ip saddr; }');
  const swapped = NftablesDatapath.open();
  expect(await swapped.converge(planner.update(), signal)).toMatchObject({ skeleton: 'swapped' });
  swapped.close();
  vi.restoreAllMocks();
  expect({ IPv4: await homes('IPv4', 2), IPv6: await homes('IPv6', 2) }).toEqual(before);
});

/** A kernel that gives each client twice, as it does when a packet came while a transaction that adds them took effect. */
function repeatClients(): void {
  type Request = (asked: { readonly subject: string }, visit?: (message: unknown) => void) => void;
  const prototype = NftablesConnection.prototype as unknown as { request: Request };
  const real = prototype.request;
  vi.spyOn(prototype, 'request').mockImplementation(function (this: unknown, asked, visit) {
    const isOfClients = /GETSETELEM .*affinity_clients/.test(asked.subject);
    const twice = (message: unknown) => {
      visit?.(message);
      visit?.(message);
    };
    real.call(this, asked, isOfClients ? twice : visit);
  });
}

test('a client is forgotten after the timeout without a new connection, and remembered while there are some', async () => {
  await program(ENDPOINTS, { affinityTimeoutSeconds: 1 });
  const [client] = families.IPv4.clients;
  const first = await answerTo(client as IpAddress, 'IPv4');
  for (let i = 0; i < 4; i++) {
    await sleep(500);
    expect(await answerTo(client as IpAddress, 'IPv4')).toBe(first);
  }
  const answers = new Set<string>();
  for (let i = 0; i < 8; i++) {
    await sleep(1100);
    answers.add(await answerTo(client as IpAddress, 'IPv4'));
  }
  expect(answers.size).toBeGreaterThan(1);
});

test('switched off and on again on a live Service: at once', async () => {
  await program(ENDPOINTS);
  await homes('IPv4', 2);
  await program(ENDPOINTS, { affinityTimeoutSeconds: null });
  const [client] = families.IPv4.clients;
  const answers = new Set<string>();
  for (let i = 0; i < 30; i++) answers.add(await answerTo(client as IpAddress, 'IPv4'));
  expect(answers.size).toBeGreaterThan(1);
  await program(ENDPOINTS, { affinityTimeoutSeconds: 60 });
  await homes('IPv4', 4);
});

test.each(['IPv4', 'IPv6'] as const)(
  '%s: with policy Local, outside clients leave endpoints of other nodes; all others stay, then and on the way back',
  async (family) => {
    const here = families[family].endpoints.slice(0, 4);
    const all = families[family].endpoints.map((address) =>
      endpoint(address, { nodeName: here.includes(address) ? 'node-a' : 'node-b' }),
    );
    const address = externalIP[family];
    const home = async (client: IpAddress): Promise<string> => {
      const by = await answerOf({ source: client, address, protocol: 'TCP', port: 80 });
      return by.replace(/:8080$/, '').replace(/^\[|\]$/g, '');
    };
    const homesWith = async (externalTrafficPolicy: 'Cluster' | 'Local') => {
      const clusterIPs = [families[family].clusterIP];
      const given = { clusterIPs, externalIPs: [address], affinityTimeoutSeconds: 60, externalTrafficPolicy };
      planner.apply([
        { kind: 'EndpointSlice', key: 'shop/web', fact: slice(all, { name: 'web', family }) },
        { kind: 'Service', key: 'shop/web', fact: service(given) },
      ]);
      await stage.datapath.converge(planner.update(), signal);
      const found: string[] = [];
      for (const client of families[family].clients) found.push(await home(client));
      return found;
    };
    const before = await homesWith('Cluster');
    const local = await homesWith('Local');
    for (const [index, name] of local.entries()) {
      expect(here).toContain(name);
      const earlier = before[index] ?? '';
      if (here.includes(earlier)) expect(name).toBe(earlier);
    }
    expect(await homesWith('Local')).toEqual(local);
    expect(await homesWith('Cluster')).toEqual(local);
  },
);

test.each(['IPv4', 'IPv6'] as const)(
  '%s: where no client can be remembered, each connection draws',
  async (family) => {
    for (const count of [3, ENDPOINTS]) {
      await stage.datapath.remove(signal);
      await program(count);
      forgetToRemember(family);
      const [client] = families[family].clients;
      const answers = new Set<string>();
      for (let i = 0; i < 24; i++) answers.add(await answerTo(client as IpAddress, family));
      expect(answers.size, `${count} endpoints`).toBeGreaterThan(1);
    }
  },
);

test('a choice that another packet of the client remembers meanwhile is followed', async () => {
  await program(ENDPOINTS);
  const [first, ...others] = families.IPv4.clients as readonly IpAddress[];
  const home = await answerTo(first as IpAddress, 'IPv4');
  rememberMeanwhile(others);
  for (const client of others) {
    expect(await answerTo(client, 'IPv4'), client).toBe(home);
    expect(await answerTo(client, 'IPv4'), client).toBe(home);
  }
});

/**
 * Behind the rule for known clients, one that remembers for these the only id that is remembered so far: as another packet of
 * the client does that is one rule ahead.
 */
function rememberMeanwhile(clients: readonly IpAddress[]): void {
  const list = (...words: string[]) => execFileSync('nft', ['-a', 'list', ...words], { encoding: 'utf8' });
  const id = / : (0x[0-9a-f]+)/.exec(list('map', 'ip', 'knat', 'affinity_clients'))?.[1];
  const known = /# handle (\d+)/.exec(
    list('chain', 'ip', 'knat', 'affinity_10800s')
      .split('\n')
      .find((line) => line.includes('update @')) ?? '',
  )?.[1];
  const key = 'ip saddr . ip daddr . meta l4proto . th dport';
  nft(`add rule ip knat affinity_10800s position ${known} ip saddr { ${clients.join(', ')} } \
    add @affinity_clients { ${key} timeout 1d : ${id} }`);
}

/** Takes away the rules that remember, as a full map lets none of them go on. */
function forgetToRemember(family: 'IPv4' | 'IPv6'): void {
  const table = `${family === 'IPv4' ? 'ip' : 'ip6'} knat`;
  let chain = '';
  const listed = execFileSync('nft', ['-a', 'list', 'table', ...table.split(' ')], { encoding: 'utf8' });
  const rules = listed.split('\n').flatMap((line) => {
    chain = /chain (\S+) /.exec(line)?.[1] ?? chain;
    const handle = line.includes('add @affinity_clients') ? /# handle (\d+)/.exec(line)?.[1] : undefined;
    return handle === undefined ? [] : [`delete rule ${table} ${chain} handle ${handle}`];
  });
  expect(rules.length).toBeGreaterThan(0);
  nft(rules.join('\n'));
}

test('a conntrack mark of another program is unchanged', async () => {
  await program(3);
  nft(`table inet marker {
    counter kept {
    }
    counter spoilt {
    }
    chain before {
      type filter hook prerouting priority -150
      ip saddr 198.51.100.1 ct state new ct mark set 0x1234
    }
    chain after {
      type filter hook postrouting priority 300
      tcp dport 8080 ct mark 0x1234 counter name kept
      tcp dport 8080 ct mark != 0x1234 ct mark != 0 counter name spoilt
    }
  }`);
  for (let i = 0; i < 5; i++) await answerTo(ip('198.51.100.1'), 'IPv4');
  await answerTo(ip('198.51.100.2'), 'IPv4');
  const counters = listRuleset();
  nft('delete table inet marker');
  expect(counters).toMatch(/counter kept \{\s+packets [1-9]/);
  expect(counters).toMatch(/counter spoilt \{\s+packets 0 /);
});
