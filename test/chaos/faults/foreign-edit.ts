import { nft } from '../../netns/namespace.ts';
import type { FaultKind } from '../fault.ts';
import { ownChains, ownElements } from '../own-tables.ts';
import type { Random } from '../random.ts';

/** One edit of our tables as a script of nft; what it edits may be gone when it runs. */
const edits: Readonly<Record<string, (random: Random) => string>> = {
  'delete a table': (random) => `delete table ${random.pick(['ip', 'ip6'])} knat`,
  'flush a table': (random) => `flush table ${random.pick(['ip', 'ip6'])} knat`,
  'flush a chain': (random) => {
    const { table, name } = random.pick(ownChains());
    return `flush chain ${table} ${name}`;
  },
  'add a rule': (random) => {
    const { table, name } = random.pick(ownChains());
    return `add rule ${table} ${name} counter accept`;
  },
  'insert a rule': (random) => {
    const { table, name } = random.pick(ownChains());
    return `insert rule ${table} ${name} counter accept`;
  },
  'add a chain': (random) => `add chain ${random.pick(['ip', 'ip6'])} knat of_another_program`,
  'add a set': (random) =>
    `add set ${random.pick(['ip', 'ip6'])} knat of_another_program { type inet_service; }`,
  'delete elements': (random) => {
    const found = ownElements();
    if (found.length === 0) return '';
    const { table, name, elements } = random.pick(found);
    return `delete element ${table} ${name} { ${random.pick(elements)} }`;
  },
  'flush a set': (random) => {
    const found = ownElements();
    if (found.length === 0) return '';
    const { table, name, kind } = random.pick(found);
    return `flush ${kind} ${table} ${name}`;
  },
  'put a table to sleep': (random) => `add table ${random.pick(['ip', 'ip6'])} knat { flags dormant; }`,
};

/** Another program edits our tables while changes are programmed. */
export const foreignEdit: FaultKind = {
  name: 'foreign edits',
  async run(world, random) {
    const done: string[] = [];
    const count = random.between(1, 3);
    for (let i = 0; i < count; i++) {
      const [name, edit] = random.pick(Object.entries(edits));
      await world.changePlan(random);
      await world.pause(random.below(10));
      try {
        nft(edit(random));
        done.push(name);
      } catch {
        done.push(`${name} (refused)`);
      }
    }
    return { dials: 'anything', note: done.join(', ') };
  },
};
