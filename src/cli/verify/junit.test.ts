import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { expect, test } from 'vitest';
import { junitXml } from './junit.ts';
import type { ExpectationResult } from './result.ts';

const result = (fields: Partial<ExpectationResult>): ExpectationResult => ({
  name: 'a',
  origin: 'nat.yaml:7',
  node: 'node-a',
  passed: true,
  outcome: 'met',
  unknown: null,
  packet: '',
  mismatches: [],
  error: null,
  notes: [],
  because: '',
  explanation: [],
  ...fields,
});

test('no expectation, and one that is met', () => {
  expect(junitXml('none.yaml', [])).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="knat verify" tests="0" failures="0" errors="0" skipped="0">
<testsuite name="none.yaml" tests="0" failures="0" errors="0" skipped="0"/>
</testsuites>
`);
  expect(junitXml('nat.yaml', [result({})])).toContain(
    '<testcase name="a" classname="node-a" file="nat.yaml" line="7"/>\n',
  );
});

test('whatever a name or a message holds, the XML is valid and says it', () => {
  const hostile = 'a<b>&"\'\u0000\u001b\ud800\uffff\n\t ü🦊 ]]> <!--';
  const shown = 'a<b>&"\'\ufffd\ufffd\ufffd\ufffd\n\t ü🦊 ]]> <!--';
  const mismatch = { field: hostile, expected: '1', actual: '2' };
  const xml = junitXml(hostile, [
    result({ name: hostile, passed: false, outcome: 'not-met', error: hostile }),
    result({ passed: false, outcome: 'not-met', mismatches: [mismatch as never] }),
    result({ passed: false, outcome: 'unknown', unknown: hostile }),
  ]);
  expect(XMLValidator.validate(xml)).toBe(true);
  const parser = new XMLParser({ ignoreAttributes: false, htmlEntities: true, trimValues: false });
  const { testsuite } = parser.parse(xml).testsuites;
  expect(testsuite['@_name']).toBe(shown);
  expect(testsuite.testcase[0].error['@_message']).toBe(shown);
  expect(testsuite.testcase[2].skipped['@_message']).toBe(`unknown: ${shown}`);
  expect(testsuite['@_skipped']).toBe('1');
  expect(testsuite.testcase[1].failure['@_message']).toBe(`${shown}: expected 1, is 2`);
});
