/** What other programs have in nftables, or have not installed, is nothing to the agent. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { Rejected, Unsupported } from '../../src/wire/errors.ts';
import { Batch } from '../../src/wire/nftables/batch.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, nodeFacts, service, slice } from '../generators/build.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

const signal = new AbortController().signal;
let connection: NftablesConnection;

beforeAll(() => {
  enterFreshNamespace();
  connection = new NftablesConnection();
});

afterAll(() => connection.close());

/** NFTNL_UDATA_SET_KEYBYTEORDER, and a `typeof` whose expression the older nft has no words for. */
const NEWER = Uint8Array.of(0, 4, 2, 0, 0, 0, 3, 8, 0, 4, 0, 0, 0, 0, 1, 0);

/** `table ip other { set blocked { type ipv4_addr; } }` as nft 1.1.3 writes it. */
function foreignSet(): void {
  const batch = new Batch();
  batch.addTable('ip', 'other');
  batch.addSet('ip', 'other', { name: 'blocked', flags: 0, keyType: 7, keyLength: 4, userdata: NEWER });
  connection.commit(batch);
}

test('beside a set that ends nft by SIGSEGV the agent starts, and goes on with what needs new chains', async () => {
  foreignSet();
  expect(spawnSync('nft', ['list', 'tables']).signal).toBe('SIGSEGV');
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const facts = (affinityTimeoutSeconds: number | null) => {
    planner.apply([
      { kind: 'Service', key: 'shop/web', fact: service({ affinityTimeoutSeconds }) },
      { kind: 'EndpointSlice', key: 'shop/web-1', fact: slice([ip('10.244.1.1')]) },
    ]);
    return planner.update();
  };
  const datapath = NftablesDatapath.open();
  try {
    await datapath.probe(signal);
    expect(await datapath.converge(facts(null), signal)).toMatchObject({ skeleton: 'loaded' });
    expect(await datapath.converge(facts(600), signal)).toMatchObject({ skeleton: 'changed' });
    const restarted = NftablesDatapath.open();
    const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
    expect(await restarted.converge(facts(600), signal)).toMatchObject(nothing);
    restarted.close();
    await datapath.remove(signal);
  } finally {
    datapath.close();
  }
});

test('probing the kernel leaves nothing behind', async () => {
  const { id } = connection.generation();
  const datapath = NftablesDatapath.open();
  await datapath.probe(signal);
  datapath.close();
  expect(connection.generation().id).toBe(id);
  expect(connection.tables('ip').map(({ name }) => name)).not.toContain('knat_probe');
});

test('missing features of the kernel are named', async () => {
  const batch = new Batch();
  batch.addTable('ip', 'tried');
  batch.addChain('ip', 'tried', { name: 'c' });
  batch.addRule('ip', 'tried', 'c', { expressions: [{ name: 'nosuch', data: new Uint8Array(0) }] });
  const refused = expect.objectContaining({ errno: 'ENOENT' });
  expect(() => connection.check(batch)).toThrow(refused);
  expect(() => connection.check(batch)).toThrow('NFT_MSG_NEWRULE ip tried c { nosuch }: ENOENT');

  const failure = { subject: 'NFT_MSG_NEWRULE ip knat_probe many { numgen }', errno: 'ENOENT' };
  vi.spyOn(NftablesConnection.prototype, 'check').mockImplementation(() => {
    throw new Rejected({ ...failure, extendedAck: null, offset: null });
  });
  const datapath = NftablesDatapath.open();
  await expect(datapath.probe(signal)).rejects.toThrow(Unsupported);
  await expect(datapath.probe(signal)).rejects.toThrow(/5\.10 .* numgen }: ENOENT/);
  vi.restoreAllMocks();
  datapath.close();
});
