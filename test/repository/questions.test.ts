import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import {
  entryQuestion,
  flowQuestion,
  momentQuestion,
  packetQuestion,
  type Question,
} from '../../src/forms/questions.ts';
import { routes } from '../../src/forms/routes.ts';

/** The command line and the API have the same questions, in the same words. */

const program = createProgram({
  version: '0.0.0',
  terminal: new Terminal(new PassThrough(), new PassThrough()),
  defaultNode: 'node',
  readInput: async () => '',
  exit: 0,
  debug: false,
});

test.each<[string, string, Question, 'explain' | 'flows' | 'entries', readonly string[]]>([
  ['explain', '/explain', { ...packetQuestion, ...momentQuestion }, 'explain', []],
  ['flows', '/flows', flowQuestion, 'flows', []],
  ['entries', '/entries', entryQuestion, 'entries', ['after', 'limit']],
])('knat %s and %s', (name, path, terms, route, pages) => {
  const command = program.commands.find((each) => each.name() === name);
  const said = new Map(command?.options.map((option) => [option.attributeName(), option.description]));
  for (const each of command?.registeredArguments ?? []) said.set('search', each.description);
  const { query } = routes[route];
  expect(routes[route].path).toBe(path);
  expect(Object.keys(query.shape).sort()).toEqual([...Object.keys(terms), ...pages].sort());
  for (const [term, { help }] of Object.entries(terms)) expect(said.get(term), term).toBe(help);
});
