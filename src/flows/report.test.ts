import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FlowReport, reportLine } from './report.ts';

const place = fc.constantFrom('10.0.0.1:80', '[fd00::1]:80', '10.0.0.1');
const direction = fc.record({ source: place, destination: place });
const kind = fc.constantFrom('service' as const, 'pod' as const, 'egress' as const, 'other' as const);
const text = fc.option(fc.string());
const number = fc.option(fc.nat());

const report: fc.Arbitrary<FlowReport> = fc.record({
  protocol: fc.constantFrom('TCP', 'ICMPv6', '89'),
  original: direction,
  reply: direction,
  from: text,
  to: text,
  destinationNat: fc.option(fc.record({ kind, object: text, frontend: place, endpoint: place })),
  sourceNat: fc.option(fc.record({ kind, object: text, address: place })),
  stale: text,
  replied: fc.boolean(),
  ageSeconds: number,
  timeoutSeconds: number,
  packets: number,
  bytes: number,
  id: fc.nat(),
  zone: fc.nat(),
});

test('a line is what JSON.stringify writes', () => {
  fc.assert(
    fc.property(report, (one) => {
      expect(reportLine(one)).toBe(JSON.stringify(one));
    }),
  );
});
