/** Transactions of the agent about its other tables, beside those of other programs. */
import { expect, test, vi } from 'vitest';
import { GoneTable } from '../../src/datapath/nftables/gone-table.ts';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { Batch } from '../../src/wire/nftables/batch.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, nodeFacts } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';

enterFreshNamespace();

test('an edit of another program just before a transaction aside is told', async () => {
  const { signal } = new AbortController();
  const datapath = NftablesDatapath.open();
  const told: string[] = [];
  const stop = datapath.watch((what) => told.push(what));
  try {
    await datapath.converge(new Planner(nodeFacts(), defaultPlanOptions).update(), signal);
    const read = NftablesConnection.prototype.generation;
    vi.spyOn(NftablesConnection.prototype, 'generation').mockImplementationOnce(function (
      this: NftablesConnection,
    ) {
      const generation = read.call(this);
      nft('add chain ip knat of_another_program');
      return generation;
    });
    const batch = new Batch();
    batch.addTable('ip', 'aside');
    datapath.commitAside(batch);
    expect(listRuleset([])).toContain('table ip aside');
    await vi.waitFor(() => expect(told).toEqual([expect.stringContaining('NFT_MSG_NEWCHAIN ip knat')]));
  } finally {
    stop();
    datapath.close();
  }
});

test('a transaction aside that changes nothing hides no edit of another program', async () => {
  const { signal } = new AbortController();
  const datapath = NftablesDatapath.open();
  const reader = new NftablesConnection();
  const told: string[] = [];
  const stop = datapath.watch((what) => told.push(what));
  try {
    await datapath.converge(new Planner(nodeFacts(), defaultPlanOptions).update(), signal);
    const gone = new GoneTable(datapath, reader);
    const directions = [{ src: ip('10.0.0.1'), dst: ip('10.0.0.2'), sport: 1, dport: 2 }];
    for (let i = 0; i < 4; i++) gone.add([{ family: 'IPv4', protocol: 6, directions }]);
    nft('add chain ip knat of_somebody');
    await vi.waitFor(() => expect(told).toEqual([expect.stringContaining('NFT_MSG_NEWCHAIN ip knat')]));
  } finally {
    stop();
    datapath.close();
    reader.close();
  }
});
