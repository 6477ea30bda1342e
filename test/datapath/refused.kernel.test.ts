/** What the kernel refuses of one object keeps no other from being programmed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { addressBytes } from '../../src/net/address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { Rejected } from '../../src/wire/errors.ts';
import type { Batch } from '../../src/wire/nftables/batch.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, nodeFacts, service, slice } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';

const signal = new AbortController().signal;
/** An address that the kernel of this test does not take. */
const BAD = ip('10.96.66.66');
let datapath: NftablesDatapath;
let planner: Planner;

beforeAll(() => {
  enterFreshNamespace();
  datapath = NftablesDatapath.open();
});

afterAll(() => datapath.close());

beforeEach(async () => {
  await datapath.remove(signal);
  planner = new Planner(nodeFacts(), defaultPlanOptions);
  add('one', '10.96.0.1');
});

afterEach(() => {
  vi.restoreAllMocks();
});

function add(name: string, clusterIP: string): void {
  planner.apply([
    { kind: 'Service', key: `shop/${name}`, fact: service({ name, clusterIPs: [ip(clusterIP)] }) },
    {
      kind: 'EndpointSlice',
      key: `shop/${name}-1`,
      fact: slice(['10.244.1.1'], { serviceName: name, name: `${name}-1` }),
    },
  ]);
}

/** A kernel that refuses whatever has the bad address. */
function refuseBad(): void {
  for (const method of ['commit', 'check'] as const) {
    const real = NftablesConnection.prototype[method];
    vi.spyOn(NftablesConnection.prototype, method).mockImplementation(function (
      this: NftablesConnection,
      ...parts: readonly unknown[]
    ) {
      const { bytes } = (parts[0] as Batch).seal(1);
      if (Buffer.from(bytes).includes(Buffer.from(addressBytes(BAD)))) {
        throw new Rejected({ subject: 'injected', errno: 'EINVAL', extendedAck: null, offset: null });
      }
      real.apply(this, parts as never);
    });
  }
}

async function converge(by = datapath) {
  const { refused, ...report } = await by.converge(planner.update(), signal);
  return {
    ...report,
    refused: refused.map(({ key, owner, errno }) => `${owner?.name} ${key} ${errno}`).sort(),
  };
}

const refusedOfBad = ['bad 10.96.66.66:80/TCP EINVAL', 'bad cluster-ip 10.96.66.66 EINVAL'];

test('in a change: the others are programmed, the object is reported, and its next change is tried', async () => {
  await converge();
  refuseBad();
  const reading = vi.spyOn(NftablesConnection.prototype, 'elements');
  add('bad', BAD);
  add('two', '10.96.0.2');
  expect((await converge()).refused).toEqual(refusedOfBad);
  expect(listRuleset()).toContain('10.96.0.2');
  expect(listRuleset()).not.toContain(BAD);

  add('three', '10.96.0.3');
  expect((await converge()).refused).toEqual(refusedOfBad);
  expect(listRuleset()).toContain('10.96.0.3');
  expect(reading).not.toHaveBeenCalled();

  add('bad', '10.96.0.4');
  expect((await converge()).refused).toEqual([]);
  expect(listRuleset()).toContain('10.96.0.4');
});

test('at a start, and when it goes', async () => {
  add('bad', BAD);
  add('two', '10.96.0.2');
  refuseBad();
  expect((await converge()).refused).toEqual(refusedOfBad);
  expect(listRuleset()).toContain('10.96.0.2');
  const restarted = NftablesDatapath.open();
  const again = await converge(restarted);
  expect(again).toMatchObject({ elementsAdded: 0, elementsDeleted: 0, refused: refusedOfBad });
  restarted.close();

  planner.apply([{ kind: 'Service', key: 'shop/bad', fact: null }]);
  expect(await converge()).toMatchObject({ elementsAdded: 0, elementsDeleted: 0, refused: [] });
});

test('a refused change of an accepted object leaves the earlier elements', async () => {
  add('two', '10.96.0.2');
  await converge();
  refuseBad();
  const endpoints = slice([BAD], { serviceName: 'two', name: 'two-1' });
  planner.apply([{ kind: 'EndpointSlice', key: 'shop/two-1', fact: endpoints }]);
  expect((await converge()).refused).toEqual(['two 10.96.0.2:80/TCP EINVAL']);
  expect(listRuleset()).toMatch(/10\.96\.0\.2 \. tcp \. 80 : 10\.244\.1\.1 \. 8080/);
});

test.each(['flush ruleset', 'delete table ip knat'])(
  'a change right after another program’s `%s` blames no object',
  async (edit) => {
    await converge();
    nft(edit);
    add('two', '10.96.0.2');
    planner.apply([{ kind: 'Service', key: 'shop/one', fact: null }]);
    expect((await converge()).refused).toEqual([]);
    const differences = await datapath.preview(planner.update(), signal);
    expect(differences).toMatchObject({ skeleton: 'kept', changes: [] });
  },
);
