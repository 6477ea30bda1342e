import { readdirSync, readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { createProgram } from '../../src/cli/program.ts';
import { listeningContext, runCommand } from './command.ts';

/** The program accepts the commands in the documents, and those on examples do what the documents promise. */

interface Documented {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly words: readonly string[];
}

const files = [
  'README.md',
  ...['docs', 'examples'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  ),
].filter((file) => /\.(?:md|yaml)$/.test(file) && file !== 'docs/cli.md' && !file.startsWith('docs/adr/'));
const documented = files.flatMap((file) => [...commandsOf(file)]);

/** Lines of code blocks, of comments in manifests, and `$ knat …` anywhere; a line that ends in `\` goes on. */
function* commandsOf(file: string): Generator<Documented> {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (let index = 0; index < lines.length; index++) {
    const start = index;
    if (file.endsWith('.md')) yield* inlineCommands(file, index, lines[index] ?? '');
    let text = (lines[index] ?? '').replace(file.endsWith('.md') ? /^ {4,}/ : /^ *# {2,}/, '\0');
    if (!text.startsWith('\0')) continue;
    text = text.slice(1).replace(/^\$ /, '');
    while (text.endsWith('\\')) text = text.slice(0, -1) + (lines[++index] ?? '').trim();
    const command = /^(?:sudo |ip netns exec \S+ |unshare -n |\.\/bin\/)*knat (.*)$/.exec(text)?.[1];
    if (command === undefined) continue;
    yield { file, line: start + 1, text, words: wordsOf(command) };
  }
}

/** `knat explain --from …` within a sentence; an ellipsis can be anything. */
function* inlineCommands(file: string, index: number, line: string): Generator<Documented> {
  for (const [, command = ''] of line.matchAll(/`knat ([a-z][^`…]*)`/g)) {
    yield { file, line: index + 1, text: `knat ${command}`, words: wordsOf(command) };
  }
}

/** Splits a simple command as a shell does; anything after a pipe, a redirection or a comment is left out. */
function wordsOf(text: string): string[] {
  const [own = ''] = text.split(/(?:^|\s)(?:#|\||&&|>|2>|;|<)(?:\s|$)/, 1);
  return [...own.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/["']/g, ''));
}

/** Parses these words as the program does, without running the command. Throws the program's error message. */
async function parse(words: readonly string[]): Promise<void> {
  const { context, printed } = listeningContext();
  const program = createProgram(context);
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: (text) => context.terminal.printError(text), writeOut: () => {} });
    if (command !== program) command.action(() => {});
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // help, version
    throw new Error(printed().errors || String(error));
  }
}

test('there are commands to look at, in README.md too', () => {
  expect(documented.length).toBeGreaterThan(60);
  expect(documented.filter(({ file }) => file === 'README.md')).not.toEqual([]);
});

describe.each(documented)('$file:$line: $text', ({ words }) => {
  test('is taken', async () => {
    if (words.length === 1) {
      // The name of a command, not a whole one.
      const { context } = listeningContext();
      const names = createProgram(context).commands.map((command) => command.name());
      expect(names).toContain(words[0]);
      return;
    }
    await expect(parse(words)).resolves.toBeUndefined();
  });
});

const runnable = documented.filter(
  ({ words }) =>
    ['explain', 'verify', 'what-if'].includes(words[0] ?? '') &&
    words.some((word) => word.startsWith('dir:examples/')),
);

test('examples are run', () => {
  expect(runnable.length).toBeGreaterThan(2);
});

test.each(runnable)('$file:$line: $text does what it promises', async ({ words }) => {
  const { status, errors } = await runCommand(words);
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
});

test('the job of the example pipeline has a command that is taken', async () => {
  const jobs = parseYaml(readFileSync('examples/what-if/pipeline.yaml', 'utf8')) as {
    'what-if': { script: string[] };
  };
  const [line = ''] = jobs['what-if'].script;
  await expect(parse(wordsOf(line.replace(/^knat /, '')))).resolves.toBeUndefined();
});

test('a command that is not so is found', async () => {
  await expect(parse(['flows', '--nonsense'])).rejects.toThrow("unknown option '--nonsense'");
  await expect(parse(['flow'])).rejects.toThrow("unknown command 'flow'");
  expect(wordsOf('flows --search "a b" -o json | jq . # all')).toEqual([
    ...['flows', '--search', 'a b', '-o', 'json'],
  ]);
});
