import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Claim, Claims } from './claims.ts';

const claim = (name: string, owner: string, value: number, rank = 0): Claim => ({
  kind: 'Node',
  key: name,
  owner,
  rank,
  line: 1,
  fact: {
    name,
    uid: '',
    addresses: [],
    podCIDRs: [],
    labels: { value: String(value) },
    terminating: false,
    excludedByAutoscaler: false,
  },
});

/** `NAME=VALUE`, or `NAME gone`. */
function show(claims: Claims): string[] {
  return claims.takeChanges().map(({ key, fact }) => {
    return fact !== null && 'labels' in fact ? `${key}=${fact.labels.value}` : `${key} gone`;
  });
}

describe('Claims', () => {
  test('an object that moves within one turn is not touched', () => {
    const claims = new Claims();
    claims.set(claim('x', 'a', 1));
    expect(show(claims)).toEqual(['x=1']);
    claims.remove('Node', 'x', 'a');
    claims.set(claim('x', 'b', 1));
    expect(show(claims)).toEqual([]);
    claims.remove('Node', 'x', 'b');
    expect(show(claims)).toEqual(['x gone']);
  });

  test('the owner that sorts first wins, and the other takes over', () => {
    const claims = new Claims();
    claims.set(claim('x', 'b', 2));
    claims.set(claim('x', 'a', 1));
    expect(show(claims)).toEqual(['x=1']);
    expect([...claims.conflicts()].map(({ winner, loser }) => [winner.owner, loser.owner])).toEqual([
      ['a', 'b'],
    ]);
    claims.remove('Node', 'x', 'a');
    expect(show(claims)).toEqual(['x=2']);
    expect([...claims.conflicts()]).toEqual([]);
  });

  test('a lower rank wins without a conflict', () => {
    const claims = new Claims();
    claims.set(claim('x', 'a', 1, 2));
    claims.set(claim('x', 'b', 2, 0));
    expect(show(claims)).toEqual(['x=2']);
    expect([...claims.conflicts()]).toEqual([]);
  });

  test('any order of events gives the same values as computing from scratch', () => {
    const event = fc.record({
      name: fc.constantFrom('x', 'y'),
      owner: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.nat(2), { nil: null }),
      rank: fc.nat(1),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const claims = new Claims();
        const seen = new Map<string, unknown>();
        const current = new Map<string, Claim>();
        const take = () => {
          for (const { key, fact } of claims.takeChanges()) {
            if (fact === null) expect(seen.delete(key)).toBe(true);
            else seen.set(key, fact);
          }
        };
        for (const { name, owner, value, rank, take: isTaken } of events) {
          if (value === null) {
            claims.remove('Node', name, owner);
            current.delete(`${name}/${owner}`);
          } else {
            claims.set(claim(name, owner, value, rank));
            current.set(`${name}/${owner}`, claim(name, owner, value, rank));
          }
          if (isTaken) take();
        }
        take();
        const expected = new Map<string, unknown>();
        const ordered = [...current.values()].sort(
          (a, b) => b.rank - a.rank || (a.owner < b.owner ? 1 : a.owner > b.owner ? -1 : 0),
        );
        for (const { key, fact } of ordered) expected.set(key, fact);
        expect(seen).toEqual(expected);
      }),
    );
  });
});
