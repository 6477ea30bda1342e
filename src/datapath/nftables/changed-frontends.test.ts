import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ip, portOf } from '../../../test/generators/build.ts';
import { plainVariant } from '../../../test/generators/skeleton-variant.ts';
import { unionOf } from '../../net/ranges.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { hex } from '../../wire/bytes.ts';
import { messagesOf, NFGENMSG } from '../../wire/messages.ts';
import type { Batch } from '../../wire/nftables/batch.ts';
import { elementListAttributes } from '../../wire/nftables/element.ts';
import { nftMessageOf } from '../../wire/nftables/numbers.ts';
import type { PlacedElement } from './element.ts';
import { elementsOf } from './entry-elements.ts';
import { needCount } from './needs.ts';
import { piecesOf, rendered } from './pieces.ts';
import { nftFamily } from './ruleset/text.ts';
import { noUses } from './shared-elements.ts';
import { type Held, Transactions } from './transaction.ts';

/** What a change writes leads to the same content as rendering everything anew: in a kernel made of a Map. */

const owner = { kind: 'Service', namespace: 'shop', name: 'web' } as const;
const endpoints = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 9, 17), fc.nat(3), fc.boolean())
  .chain(([count, shift, isSorted]) =>
    fc
      .shuffledSubarray(
        Array.from({ length: 24 }, (_, index) => index),
        { minLength: count, maxLength: count },
      )
      .map((numbers) =>
        (isSorted ? [...numbers].sort((a, b) => a - b) : numbers).map(
          (number): Endpoint => ({
            address: ip(`10.${shift >> 1}.0.${number}`),
            port: portOf(8080 + (shift & 1)),
          }),
        ),
      ),
  );

const frontend = (key: string, port: number): fc.Arbitrary<ServiceFrontend | null> =>
  fc.option(
    fc.record({
      kind: fc.constant('ServiceFrontend' as const),
      key: fc.constant(key),
      tuple: fc.constant({ address: ip('10.96.0.1'), protocol: 'TCP' as const, port: portOf(port) }),
      origin: fc.constant('ClusterIP' as const),
      owner: fc.constant(owner),
      createdAt: fc.constant(0),
      portName: fc.constant(''),
      endpoints,
      localEndpoints: fc.option(endpoints),
      retained: fc.constant([]),
      masquerade: fc.constantFrom('cluster-ip' as const, 'always' as const),
      unserved: fc.constantFrom('reject' as const, 'drop' as const),
      sourceRanges: fc.option(
        fc.nat(1).map((last) => unionOf('IPv4', [{ first: BigInt(last), last: BigInt(last) }])),
      ),
      affinityTimeoutSeconds: fc.option(fc.constantFrom(10, 60), { freq: 1 }),
    }),
    { freq: 6 },
  );

/** Both entries have one address, and share what belongs to it. */
const step = fc.tuple(frontend('a', 80), frontend('b', 443));

class FakeKernel {
  readonly elements = new Map<string, string>();

  /** As nf_tables: what is removed must be there, what is added must not. */
  take(batch: Batch): void {
    for (const { type, bytes, start, end } of messagesOf(batch.seal(1).bytes)) {
      const message = nftMessageOf(type & 0xff);
      if (type >>> 8 !== 10 || !message?.endsWith('SETELEM')) continue;
      const family = bytes[start] === 2 ? 'ip' : 'ip6';
      const list = elementListAttributes.read(bytes, start + NFGENMSG, end, 'list');
      for (const { key, keyEnd, data } of list.elements ?? []) {
        const name = `${family} ${list.set} ${hex(key?.value ?? none)} ${hex(keyEnd?.value ?? none)}`;
        const isNew = message === 'NFT_MSG_NEWSETELEM';
        expect(this.elements.has(name), `${message} ${name}`).toBe(!isNew);
        const { code = 0, chain = '' } = data?.verdict ?? {};
        if (isNew) this.elements.set(name, `${hex(data?.value ?? none)} ${code | 0} ${chain}`);
        else this.elements.delete(name);
      }
    }
  }
}

const none = new Uint8Array();

function textOf({ family, set, element: { key, keyEnd, data, verdict } }: PlacedElement): [string, string] {
  const code = verdict === undefined ? 0 : -4; // goto
  return [
    `${nftFamily[family]} ${set} ${hex(key)} ${hex(keyEnd ?? none)}`,
    `${hex(data ?? none)} ${code} ${verdict?.chain ?? ''}`,
  ];
}

test('changed slots and a rendering of everything are one content', () => {
  const transactions = new Transactions();
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), (steps) => {
      const kernel = new FakeKernel();
      let held: Held = {
        programmed: new Map(),
        shared: noUses(),
        needs: needCount([]),
        variant: plainVariant,
      };
      for (const entries of steps) {
        const [a, b] = entries;
        const plan = { entry: (key: string): PlanEntry | undefined => (key === 'a' ? a : b) ?? undefined };
        const pieces = piecesOf(plan, ['a', 'b'], held.programmed).map(rendered);
        const transaction = transactions.of(pieces, held, plainVariant);
        const { batch, elementsAdded, elementsDeleted } = transaction;
        const before = kernel.elements.size;
        kernel.take(batch);
        held = transaction.done();
        expect(kernel.elements.size - before).toBe(elementsAdded - elementsDeleted);
        const wanted = new Map([...held.programmed.values()].flatMap(elementsOf).map(textOf));
        expect(kernel.elements).toEqual(wanted);
      }
    }),
    { numRuns: 60 },
  );
});

test('one endpoint of many is one element that goes and one that comes', () => {
  const transactions = new Transactions();
  const many = Array.from({ length: 1000 }, (_, index) => ({
    address: ip(`10.0.${index >> 8}.${index & 0xff}`),
    port: portOf(80),
  }));
  for (const affinityTimeoutSeconds of [null, 60]) {
    const entry = (all: readonly Endpoint[]): ServiceFrontend => ({
      ...{ kind: 'ServiceFrontend', key: 'a', origin: 'ClusterIP', owner, createdAt: 0, portName: '' },
      ...{ tuple: { address: ip('10.96.0.1'), protocol: 'TCP', port: portOf(80) }, retained: [] },
      ...{ localEndpoints: null, masquerade: 'cluster-ip', unserved: 'reject', sourceRanges: null },
      ...{ affinityTimeoutSeconds, endpoints: all },
    });
    let held: Held = {
      programmed: new Map(),
      shared: noUses(),
      needs: needCount([]),
      variant: plainVariant,
    };
    const write = (all: readonly Endpoint[]) => {
      const plan = { entry: () => entry(all) };
      const pieces = piecesOf(plan, ['a'], held.programmed).map(rendered);
      const transaction = transactions.of(pieces, held, plainVariant);
      const { elementsAdded, elementsDeleted } = transaction;
      held = transaction.done();
      return [elementsAdded, elementsDeleted];
    };
    write(many);
    const others = [...many.slice(0, 400), ...many.slice(401), { address: ip('10.9.0.0'), port: portOf(80) }];
    const each = affinityTimeoutSeconds === null ? 1 : 2;
    expect(write(others)).toEqual([each, each]);
    expect(write([...others, { address: ip('10.9.0.1'), port: portOf(80) }])).toEqual([each, 0]);
  }
});
