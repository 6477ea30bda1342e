import { plainText } from '../../explain/lines.ts';
import { formatMismatch } from './format-mismatch.ts';
import type { ExpectationResult } from './result.ts';

type Attributes = Readonly<Record<string, string | number>>;

/** JUnit XML, which pipelines show beside their other tests: a test case per expectation. */
export function junitXml(file: string, results: readonly ExpectationResult[]): string {
  const errors = results.filter(({ error }) => error !== null).length;
  const skipped = results.filter(({ outcome }) => outcome === 'unknown').length;
  const failures = results.filter(({ outcome, error }) => outcome === 'not-met' && error === null).length;
  const counts = { tests: results.length, failures, errors, skipped };
  const cases = results.map((result) => {
    const { name, node, origin } = result;
    return element('testcase', { name, classname: node, file, line: lineOf(origin) }, outcome(result));
  });
  const suite = element('testsuite', { name: file, ...counts }, nested(cases));
  const suites = element('testsuites', { name: 'knat verify', ...counts }, nested([suite]));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${suites}\n`;
}

function lineOf(origin: string): number {
  return Number(/:(\d+)$/.exec(origin)?.[1] ?? 1);
}

/** A test case's content; empty: it passed. */
function outcome({ passed, error, unknown, mismatches, explanation }: ExpectationResult): string {
  if (error !== null) return nested([element('error', { message: error }, '')]);
  if (passed) return '';
  if (unknown !== null) return nested([element('skipped', { message: `unknown: ${unknown}` }, '')]);
  const message = mismatches.map(formatMismatch).join('; ');
  return nested([element('failure', { message }, escaped(explanation.map(plainText).join('\n')))]);
}

/** @param content XML already */
function element(name: string, attributes: Attributes, content: string): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value, true)}"`);
  const start = `<${name}${written.join('')}`;
  return content === '' ? `${start}/>` : `${start}>${content}</${name}>`;
}

/** One element per line, without indentation, since texts have lines too. */
function nested(elements: readonly string[]): string {
  return elements.length === 0 ? '' : `\n${elements.join('\n')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML 1.0 cannot represent: most control characters, and lone surrogates. */
const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Escapes line ends in attributes, where they would become spaces. */
function escaped(value: string | number, isAttribute = false): string {
  return String(value)
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replace(isAttribute ? /[\t\n\r]/g : /\r/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(NO_XML, '\ufffd');
}
