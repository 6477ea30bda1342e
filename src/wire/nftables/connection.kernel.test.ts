import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enterFreshNamespace, listRuleset, nft } from '../../../test/netns/namespace.ts';
import { hex } from '../bytes.ts';
import { Busy, Rejected } from '../errors.ts';
import { Batch } from './batch.ts';
import { NftablesConnection } from './connection.ts';
import { setFlags } from './declarations.ts';
import type { SetElement } from './element.ts';
import type { NftFamily } from './numbers.ts';

enterFreshNamespace();

let connection: NftablesConnection;
beforeEach(() => {
  nft('flush ruleset');
  connection = new NftablesConnection();
});
afterEach(() => connection.close());

/** The bytes of registers: addresses and numbers, each field padded to 4 bytes. */
function registers(
  ...fields: readonly (string | { net16: number } | { byte: number } | { host32: number })[]
) {
  const bytes = fields.flatMap((field) => {
    if (typeof field === 'string') return field.split('.').map(Number);
    if ('byte' in field) return [field.byte, 0, 0, 0];
    if ('net16' in field) return [field.net16 >> 8, field.net16 & 255, 0, 0];
    return [...new Uint8Array(Uint32Array.of(field.host32).buffer)];
  });
  return Uint8Array.from(bytes);
}

function add(family: NftFamily, table: string, set: string, elements: Iterable<SetElement>): void {
  const batch = new Batch();
  batch.addElements(family, table, set, elements);
  connection.commit(batch);
}

/** One way of writing the same elements: in nft's text, and in registers. */
interface Case {
  readonly declaration: string;
  readonly text: string;
  readonly elements: readonly SetElement[];
}

const tcp = { byte: 6 };
const cases: Readonly<Record<string, Case>> = {
  'a data map of a concatenation with a slot': {
    declaration: 'typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport;',
    text: '10.96.0.1 . tcp . 80 . 0 : 10.1.0.1 . 8080, 10.96.0.1 . tcp . 80 . 300 : 10.1.0.2 . 8081',
    elements: [
      {
        key: registers('10.96.0.1', tcp, { net16: 80 }, { host32: 0 }),
        data: registers('10.1.0.1', { net16: 8080 }),
      },
      {
        key: registers('10.96.0.1', tcp, { net16: 80 }, { host32: 300 }),
        data: registers('10.1.0.2', { net16: 8081 }),
      },
    ],
  },
  'a verdict map': {
    declaration: 'type ipv4_addr . inet_proto . inet_service : verdict;',
    text: `10.96.0.1 . tcp . 80 comment "shop/web" : goto web, 10.96.0.2 . tcp . 80 : jump web,
      10.96.0.3 . tcp . 80 : drop, 10.96.0.4 . tcp . 80 : accept, 10.96.0.5 . tcp . 80 : return`,
    elements: [
      {
        key: registers('10.96.0.1', tcp, { net16: 80 }),
        verdict: { code: 'goto', chain: 'web' },
        comment: 'shop/web',
      },
      { key: registers('10.96.0.2', tcp, { net16: 80 }), verdict: { code: 'jump', chain: 'web' } },
      { key: registers('10.96.0.3', tcp, { net16: 80 }), verdict: { code: 'drop' } },
      { key: registers('10.96.0.4', tcp, { net16: 80 }), verdict: { code: 'accept' } },
      { key: registers('10.96.0.5', tcp, { net16: 80 }), verdict: { code: 'return' } },
    ],
  },
  'an interval set': {
    declaration: 'type ipv4_addr; flags interval;',
    text: '10.0.0.0/8, 192.168.1.7',
    elements: [
      { key: registers('10.0.0.0') },
      { key: registers('11.0.0.0'), intervalEnd: true },
      { key: registers('192.168.1.7') },
      { key: registers('192.168.1.8'), intervalEnd: true },
    ],
  },
  'an interval set of a concatenation': {
    declaration: 'type ipv4_addr . inet_service; flags interval;',
    text: '10.0.0.0/8 . 80, 192.168.0.1 . 1000-2000',
    elements: [
      { key: registers('10.0.0.0', { net16: 80 }), keyEnd: registers('10.255.255.255', { net16: 80 }) },
      { key: registers('192.168.0.1', { net16: 1000 }), keyEnd: registers('192.168.0.1', { net16: 2000 }) },
    ],
  },
  'a map with an element for all else': {
    declaration: 'type ipv4_addr : ipv4_addr;',
    text: '10.0.0.1 : 10.0.0.2, * : 10.0.0.9',
    elements: [
      { key: registers('10.0.0.1'), data: registers('10.0.0.2') },
      { key: new Uint8Array(0), data: registers('10.0.0.9') },
    ],
  },
};

describe.each(Object.entries(cases))('%s', (_name, { declaration, text, elements }) => {
  const kind = declaration.includes(' : ') ? 'map' : 'set';
  const table = (content: string) =>
    `table ip knat { chain web { }\n ${kind} m { ${declaration}\n ${content} }\n }`;
  const ours = () => withoutOpening(connection.elements('ip', 'knat', 'm'));
  const sorted = (listing: string) =>
    listing
      .split(/[,\n]/)
      .map((line) => line.trim())
      .sort();

  test('lists the same when nft wrote it and when we did', () => {
    nft(table(`elements = { ${text} };`));
    const theirs = { text: listRuleset(), json: listRuleset(['-j']) };
    const read = connection.elements('ip', 'knat', 'm');
    nft('flush ruleset');
    nft(table(''));
    add('ip', 'knat', 'm', elements);
    expect(sorted(listRuleset())).toEqual(sorted(theirs.text));
    expect(content(listRuleset(['-j']))).toEqual(content(theirs.json));
    expect(ours()).toEqual(byKey(elements));
    expect(withoutOpening(read)).toEqual(byKey(elements));
  });

  test('is empty after its elements are deleted, and after a flush', () => {
    nft(table(`elements = { ${text} };`));
    const batch = new Batch();
    batch.deleteElements('ip', 'knat', 'm', elements);
    connection.commit(batch);
    expect(listRuleset()).not.toContain('elements');
    nft(`add element ip knat m { ${text} }`);
    expect(ours()).toEqual(byKey(elements));
    const flush = new Batch();
    flush.flushSet('ip', 'knat', 'm');
    connection.commit(flush);
    expect(ours()).toEqual([]);
  });
});

/** The listing without handles, with the elements of each set in one order. */
function content(json: string): unknown {
  return JSON.parse(json, (key, value) => {
    if (key === 'handle') return undefined;
    if (key !== 'elem' || !Array.isArray(value)) return value;
    return value.map((one) => JSON.stringify(one)).sort();
  });
}

/** nft opens an interval set with an end of interval at zero, which stands for nothing. */
function withoutOpening(elements: readonly SetElement[]): SetElement[] {
  return byKey(elements.filter((one) => one.intervalEnd !== true || one.key.some((byte) => byte !== 0)));
}

function byKey(elements: readonly SetElement[]): SetElement[] {
  return [...elements].sort((a, b) => hex(a.key).localeCompare(hex(b.key)));
}

describe('the elements of a set', () => {
  test('have timeouts', () => {
    nft('table ip knat { set s { type ipv4_addr; flags timeout; }\n }');
    add('ip', 'knat', 's', [{ key: registers('10.0.0.1'), timeoutMs: 90_000 }]);
    expect(listRuleset()).toContain('10.0.0.1 timeout 1m30s');
    const [element] = connection.elements('ip', 'knat', 's');
    expect(element?.timeoutMs).toBe(90_000);
    expect(element?.expirationMs).toBeGreaterThan(80_000);
  });

  test('may be 120,000', () => {
    nft('table ip knat { map m { type ipv4_addr : ipv4_addr; }\n }');
    const many = function* (): Generator<SetElement> {
      for (let i = 0; i < 120_000; i++) {
        const key = Uint8Array.of(10, i >> 16, (i >> 8) & 255, i & 255);
        yield { key, data: key };
      }
    };
    add('ip', 'knat', 'm', many());
    const found = connection.elements('ip', 'knat', 'm');
    expect(new Set(found.map(({ key, data }) => `${hex(key)} ${data && hex(data)}`)).size).toBe(120_000);
    const batch = new Batch();
    batch.flushSet('ip', 'knat', 'm');
    connection.commit(batch);
    expect(connection.elements('ip', 'knat', 'm')).toEqual([]);
  });
});

describe('an error', () => {
  const key = registers('10.0.0.1');
  beforeEach(() => {
    nft('table ip knat { map m { type ipv4_addr : ipv4_addr; elements = { 10.0.0.1 : 10.0.0.1 }; }\n }');
  });

  const failing = (fill: (batch: Batch) => void): unknown => {
    const batch = new Batch();
    fill(batch);
    try {
      connection.commit(batch);
    } catch (error) {
      return error;
    }
    throw new Error('committed');
  };

  test.each([
    ['a set that is not there', 'ENOENT', 'NFT_MSG_NEWSETELEM ip knat x', 'x', [{ key, data: key }]],
    ['a key that is there', 'EEXIST', 'NFT_MSG_NEWSETELEM ip knat m { 0a000001 }', 'm', [{ key, data: key }]],
    [
      'a key of the wrong length',
      'EINVAL',
      'NFT_MSG_NEWSETELEM ip knat m { 0a00000100000000 }',
      'm',
      [{ key: registers('10.0.0.1', { byte: 0 }), data: key }],
    ],
  ] as const)('tells of %s', (_what, errno, subject, set, elements) => {
    const error = failing((batch) => batch.addElements('ip', 'knat', set, elements));
    expect(error).toBeInstanceOf(Rejected);
    expect(error).toMatchObject({ code: 'KNAT_KERNEL_REJECTED', errno, failures: [{ subject }] });
  });

  test('tells of an element that is not there to be deleted, and of every message that failed', () => {
    const error = failing((batch) => {
      batch.addElements('ip', 'knat', 'm', [{ key: registers('10.0.0.2'), data: key }]);
      batch.deleteElements('ip', 'knat', 'm', [{ key: registers('10.0.0.3') }]);
      batch.addElements('ip', 'knat', 'm', [{ key, data: key }]);
      batch.addElements('ip', 'knat', 'm', [{ key: registers('10.0.0.4'), data: key }]);
    });
    expect(error).toMatchObject({
      failures: [
        { errno: 'ENOENT', subject: 'NFT_MSG_DELSETELEM ip knat m { 0a000003 }' },
        { errno: 'EEXIST', subject: 'NFT_MSG_NEWSETELEM ip knat m { 0a000001 }' },
      ],
    });
    expect(connection.elements('ip', 'knat', 'm')).toHaveLength(1);
  });

  test('of a reading names what was read, and the connection goes on', () => {
    expect(() => connection.elements('ip', 'knat', 'x')).toThrow(
      expect.objectContaining({ errno: 'ENOENT', message: 'NFT_MSG_GETSETELEM ip knat x: ENOENT' }),
    );
    expect(connection.elements('ip', 'knat', 'm')).toHaveLength(1);
  });
});

describe('tables', () => {
  test('are added dormant, and deleted', () => {
    const batch = new Batch();
    batch.addTable('ip6', 'knat', { dormant: true });
    connection.commit(batch);
    expect(connection.tables('ip6')).toMatchObject([{ name: 'knat', flags: 1 }]);
    const removal = new Batch();
    removal.deleteTable('ip6', 'knat');
    connection.commit(removal);
    expect(connection.tables('ip6')).toEqual([]);
    expect(() => connection.commit(removal)).toThrow(Rejected);
  });
});

describe('the generation', () => {
  test('grows by one with each transaction', () => {
    const before = connection.generation().id;
    nft('table ip knat { map m { type ipv4_addr : ipv4_addr; }\n }');
    add('ip', 'knat', 'm', [{ key: registers('10.0.0.1'), data: registers('10.0.0.2') }]);
    expect(connection.generation().id).toBe(before + 2);
  });

  test('guards a batch: Busy when another program has committed since', () => {
    nft('table ip knat { map m { type ipv4_addr : ipv4_addr; }\n }');
    const generation = connection.generation().id;
    nft('table ip other { }');
    const batch = new Batch();
    batch.addElements('ip', 'knat', 'm', [{ key: registers('10.0.0.1'), data: registers('10.0.0.2') }]);
    const commit = (id: number) => connection.commit(batch, { generation: id });
    expect(() => commit(generation)).toThrow(Busy);
    expect(() => commit(generation)).toThrow(expect.objectContaining({ errno: 'ERESTART' }));
    expect(connection.elements('ip', 'knat', 'm')).toEqual([]);
    commit(generation + 1);
    expect(connection.elements('ip', 'knat', 'm')).toHaveLength(1);
  });
});

describe('declarations', () => {
  test('are decoded', () => {
    nft(SKELETON('knat'));
    expect(
      connection.chains('ip', 'knat').map(({ name, type, hook, policy }) => ({ name, type, hook, policy })),
    ).toEqual([
      { name: 'pick', type: undefined, hook: undefined, policy: undefined },
      { name: 'prerouting', type: 'nat', hook: { hook: 0, priority: -100 }, policy: 1 },
    ]);
    const rules = connection.rules('ip', 'knat');
    expect(rules.map((rule) => rule.chain)).toEqual(['pick', 'pick', 'prerouting']);
    expect(rules[0]?.expressions?.map((expression) => expression.name)).toContain('numgen');
    const sets = connection.sets('ip', 'knat');
    expect(sets).toHaveLength(3);
    const endpoints = sets.find((set) => set.name === 'endpoints');
    expect(endpoints).toMatchObject({ keyLength: 16, dataLength: 8 });
    expect((endpoints?.flags ?? 0) & setFlags.NFT_SET_MAP).toBe(setFlags.NFT_SET_MAP);
    expect(sets.every((set) => set.unknown === undefined || set.unknown.every(({ type }) => type > 18))).toBe(
      true,
    );
  });

  test('of an interval set of a concatenation have the lengths of its fields', () => {
    nft('table ip knat { set s { type ipv4_addr . inet_proto . inet_service; flags interval; }\n }');
    const [set] = connection.sets('ip', 'knat');
    expect(set?.description?.fields?.map((field) => field.length)).toEqual([4, 1, 2]);
  });

  test('of a table that is not there are none', () => {
    expect(connection.chains('ip', 'knat')).toEqual([]);
    expect(connection.rules('ip', 'knat')).toEqual([]);
    expect(() => connection.sets('ip', 'knat')).toThrow(expect.objectContaining({ errno: 'ENOENT' }));
  });
});

const SKELETON = (table: string) => `
table ip ${table} {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map endpoints {
    typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport
    counter
  }
  chain pick {
    counter dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @endpoints
    tcp dport { 80, 443, 8080 } counter quota over 10 mbytes accept comment "three ports"
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr . meta l4proto . th dport vmap @services
  }
}
`;
