import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Context } from '../../src/cli/context.ts';
import { errorCodes } from '../../src/cli/error-codes.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { settings } from '../../src/cli/options/table.ts';
import { createProgram } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { expectationsFile } from '../../src/cli/verify/expectations-file.ts';
import { difference } from '../../src/forms/difference.ts';
import { flowReports } from '../../src/forms/flows.ts';
import { journal } from '../../src/forms/journal.ts';
import { traceLine } from '../../src/forms/trace.ts';
import { expectationResults } from '../../src/forms/verify.ts';
import { flowAnswers, walk } from '../../src/forms/walk.ts';
import { whatIf, whatIfQuestion, whatIfSummary } from '../../src/forms/what-if.ts';
import { eventReasons } from '../../src/model/finding-codes.ts';
import type { Definition } from '../../src/observe/metrics/definition.ts';
import { knatMetrics } from '../../src/observe/metrics/knat.ts';
import { kubeProxyMetrics } from '../../src/observe/metrics/kube-proxy.ts';
import { webhookMetrics } from '../../src/observe/metrics/webhook.ts';
import { nodeConfigSchema } from '../../src/sources/objects/node-config-file.ts';
import { cliDocument } from './cli-document.ts';
import { errorsDocument } from './errors-document.ts';
import { limitsDocument } from './limits-document.ts';
import { metricsDocument } from './metrics-document.ts';
import { setsDocument } from './sets-document.ts';

const context: Context = {
  version: '0.0.0',
  terminal: new Terminal(new PassThrough(), new PassThrough()),
  defaultNode: 'node',
  readInput: async () => '',
  exit: EXIT.ok,
  debug: false,
};

test('docs/cli.md is what the program says of itself (scripts/generate-docs brings it up to date)', async () => {
  await expect(cliDocument(createProgram(context))).toMatchFileSnapshot('../../docs/cli.md');
});

test('docs/errors.md is what the program says of itself (scripts/generate-docs brings it up to date)', async () => {
  await expect(errorsDocument()).toMatchFileSnapshot('../../docs/errors.md');
});

test('docs/limits.md is what the tables of limits say (scripts/generate-docs brings it up to date)', async () => {
  await expect(limitsDocument()).toMatchFileSnapshot('../../docs/limits.md');
});

test('docs/metrics.md is what the definitions say (scripts/generate-docs brings it up to date)', async () => {
  await expect(await metricsDocument()).toMatchFileSnapshot('../../docs/metrics.md');
});

test('docs/design/sets.md is what the table of sets says (scripts/generate-docs brings it up to date)', async () => {
  await expect(setsDocument()).toMatchFileSnapshot('../../docs/design/sets.md');
});

/** Removes `readOnly`: it says how the program uses an answer, and nothing about the answer. */
const override = ({ jsonSchema }: { jsonSchema: { readOnly?: boolean | undefined } }) => {
  delete jsonSchema.readOnly;
};

test.each([
  ['explain', walk],
  ['explain-flows', flowAnswers],
  ['flows', flowReports],
  ['diff', difference],
  ['history', journal],
  ['what-if', whatIf],
  ['verify', expectationResults],
  ['trace', traceLine],
  ['what-if-question', whatIfQuestion],
  ['what-if-summary', whatIfSummary],
])('docs/schema/%s.schema.json is what the API says (scripts/generate-docs)', async (name, schema) => {
  const text = `${JSON.stringify(z.toJSONSchema(schema, { override }), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(`../../docs/schema/${name}.schema.json`);
});

test('docs/schema/node-config.schema.json is the form of --node-config (scripts/generate-docs)', async () => {
  const schema = z.toJSONSchema(nodeConfigSchema, { override, io: 'input' });
  const path = '../../docs/schema/node-config.schema.json';
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(path);
  const page = readFileSync(new URL('../../docs/node-config.md', import.meta.url), 'utf8');
  for (const key of Object.keys(nodeConfigSchema.shape)) expect(page, key).toContain(`\`${key}\``);
});

test('docs/schema/expectations.schema.json is what knat verify and knat webhook read (scripts/generate-docs)', async () => {
  const schema = z.toJSONSchema(expectationsFile, { io: 'input', override });
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../docs/schema/expectations.schema.json');
});

test('every metric has its unit in its name, and a help that is a sentence', () => {
  for (const [name, { type, help, buckets }] of Object.entries<Definition>({
    ...knatMetrics,
    ...kubeProxyMetrics,
    ...webhookMetrics,
  })) {
    expect(help, name).toMatch(/^[^|\n]+\.$/);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect([...buckets], name).toEqual([...new Set(buckets)].sort((a, b) => a - b));
  }
});

test('every code in the source is in the document, and every code of the document is used', () => {
  const used = new Set<string>();
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const text = readFileSync(`src/${file}`, 'utf8');
    for (const [, code] of text.matchAll(/'(KNAT_[A-Z_]+)'/g)) if (code !== undefined) used.add(code);
  }
  const documented = [...errorsDocument().matchAll(/^### (KNAT_\w+)$/gm)].map(([, code]) => code);
  expect([...used].sort()).toEqual(documented.sort());
  expect([...errorCodes.keys()].sort()).toEqual(documented);
});

test('docs/status.md has every reason of an Event, with its type', () => {
  const rows = [...readFileSync('docs/status.md', 'utf8').matchAll(/^\| `(\w+)` \| (Normal|Warning) \|/gm)];
  const documented = rows.map(([, reason, type]) => [reason, type]);
  expect(documented).toEqual(Object.entries(eventReasons).map(([reason, { type }]) => [reason, type]));
});

test('every command has a summary and examples, every option a help text', () => {
  const { commands } = createProgram(context);
  expect(commands.map((command) => command.name())).toContain('agent');
  for (const command of commands) {
    expect(command.summary(), command.name()).not.toBe('');
    for (const option of command.options) expect(option.description, option.flags).not.toBe('');
  }
});

test('a command takes every option, and some code writes every metric', () => {
  const taken = new Set(
    createProgram(context).commands.flatMap(({ options }) => options.map((option) => option.attributeName())),
  );
  expect(Object.keys(settings).filter((name) => !taken.has(name))).toEqual([]);
  const code = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(
      (file) => /(?<!\.test)\.ts$/.test(file) && !/metrics\/(?:knat|kube-proxy|webhook)\.ts$/.test(file),
    )
    .map((file) => readFileSync(`src/${file}`, 'utf8'))
    .join('\n');
  const metrics = Object.keys({ ...knatMetrics, ...kubeProxyMetrics, ...webhookMetrics });
  expect(metrics.filter((name) => !code.includes(name))).toEqual([]);
});
