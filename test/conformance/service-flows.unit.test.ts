import { expect, test } from 'vitest';
import { answerFlow } from '../../src/explain/answer.ts';
import { parseFlow } from '../../src/explain/packet.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { changesOf, nodeOf, readRecords } from './records.ts';

const records = readRecords();

test('the records are all there', () => {
  expect(records).toHaveLength(72);
  expect(records.flatMap((record) => record.flows)).toHaveLength(287);
});

test.each(records)('$id $test', (record) => {
  const node = nodeOf(record);
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(changesOf(record));
  const plan = planner.update();
  const answers = record.flows.map(({ name, ...rest }) => {
    const flow = parseFlow(rest);
    if (typeof flow === 'string') throw new TypeError(`${name}: ${flow}`);
    const { verdict, endpoints, masq } = answerFlow(plan, node, flow);
    return { name, ...flow, verdict, endpoints, masq };
  });
  const expected = record.flows.map(({ name, sourceIP, protocol, destIP, destPort, ...rest }) => {
    const { verdict, endpoints, masq } = rest;
    return { name, sourceIP, protocol, destIP, destPort, verdict, endpoints: [...endpoints].sort(), masq };
  });
  expect(answers).toEqual(expected);
});
