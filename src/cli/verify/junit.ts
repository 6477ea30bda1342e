import { XMLBuilder } from 'fast-xml-parser';
import { plainText } from '../../explain/lines.ts';
import type { ExpectationResult } from './result.ts';

/** The results as JUnit XML, which pipelines show beside their other tests: a test case for each expectation. */
export function junitXml(file: string, results: readonly ExpectationResult[]): string {
  const errors = results.filter(({ error }) => error !== null).length;
  const failures = results.filter(({ passed, error }) => !passed && error === null).length;
  const counts = { '@tests': results.length, '@failures': failures, '@errors': errors };
  const document = {
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: {
      ...attributes({ name: 'knat verify', ...counts }),
      testsuite: {
        ...attributes({ name: file, ...counts }),
        testcase: results.map((result) => ({
          ...attributes({ name: result.name, classname: result.node, file, line: lineOf(result.origin) }),
          ...outcome(result),
        })),
      },
    },
  };
  const builder = new XMLBuilder({
    attributeNamePrefix: '@',
    ignoreAttributes: false,
    format: true,
    suppressEmptyNode: true,
  });
  return builder.build(document);
}

function attributes(values: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name.startsWith('@') ? name : `@${name}`, clean(value)]),
  );
}

function lineOf(origin: string): number {
  return Number(/:(\d+)$/.exec(origin)?.[1] ?? 1);
}

function outcome({ passed, error, mismatches, explanation }: ExpectationResult) {
  if (error !== null) return { error: { '@message': clean(error) } };
  if (passed) return {};
  const message = mismatches
    .map(({ field, expected, actual }) => `${field}: expected ${expected}, is ${actual}`)
    .join('; ');
  return { failure: { '@message': clean(message), '#text': clean(explanation.map(plainText).join('\n')) } };
}

/** Without the control characters that XML 1.0 has no way to write. */
function clean<Value extends string | number>(value: Value): Value | string {
  if (typeof value === 'number') return value;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}
