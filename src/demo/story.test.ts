import { expect, test } from 'vitest';
import { changes, withKnat, withoutKnat } from './story.ts';
import { Teller } from './teller.ts';

test('every line of the story fits in 80 columns', () => {
  const lines: string[] = [];
  const plain = (text: string) => text;
  const display = {
    print: (line: string) => lines.push(line),
    strong: plain,
    dim: plain,
    good: plain,
    bad: plain,
  };
  const teller = new Teller(display);
  for (const { title, flows } of [withoutKnat, ...withKnat, ...changes]) {
    teller.remark(`  edit ${title}`);
    for (const flow of flows) teller.flow(flow, []);
  }
  expect(lines.length).toBeGreaterThan(40);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});
