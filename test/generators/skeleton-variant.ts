import { plainEgress } from '../../src/datapath/nftables/egress.ts';
import { PARTS } from '../../src/datapath/nftables/needs.ts';
import { anyNetworks } from '../../src/datapath/nftables/networks.ts';
import type { SkeletonVariant } from '../../src/datapath/nftables/skeleton.ts';

/** What nobody needs is not there; networks are looked up. */
export const plainVariant: SkeletonVariant = Object.freeze({
  timeouts: [],
  parts: new Set<never>(),
  egress: plainEgress,
  networks: anyNetworks,
});

/** With all parts but session affinity. */
export const wholeVariant: SkeletonVariant = Object.freeze({ ...plainVariant, parts: new Set(PARTS) });
