import { describe, expect, test } from 'vitest';
import { type GoFlag, GoFlagError, GoHelpAsked, goUsage, parseGoFlags } from './go-flags.ts';

const flags: readonly GoFlag[] = [
  { name: 'name', type: 'string', standard: '', usage: 'a name' },
  { name: 'port', type: 'int', standard: '8484', usage: 'a port' },
  { name: 'dryrun', type: 'bool', standard: 'false', usage: 'write nothing' },
  { name: 'v', type: 'int', standard: '0', usage: 'verbosity' },
];

const read = (...words: string[]) => {
  const { values, rest } = parseGoFlags(words, flags);
  return { ...Object.fromEntries(values), rest };
};

describe('forms that Go takes', () => {
  test.each<[string[], Record<string, unknown>]>([
    [[], {}],
    [['-name', 'a'], { name: 'a' }],
    [['-name=a'], { name: 'a' }],
    [['--name', 'a'], { name: 'a' }],
    [['--name=a=b'], { name: 'a=b' }],
    [['-name='], { name: '' }],
    [['-name', '-2,-2,-2'], { name: '-2,-2,-2' }],
    [['-name', '--'], { name: '--' }],
    [['-NAME', 'a', '-Port=1'], { name: 'a', port: '1' }],
    [['-name=a', '-name=b'], { name: 'b' }],
    [['-dryrun'], { dryrun: 'true' }],
    [['-dryrun=false'], { dryrun: 'false' }],
    [['-dryrun=T', '-v=4'], { dryrun: 'true', v: '4' }],
    [['-dryrun', 'true', '-v=4'], { dryrun: 'true', rest: ['true', '-v=4'] }],
    [['-v=1', '--', '-dryrun'], { v: '1', rest: ['-dryrun'] }],
    [['-v=1', '-', '-dryrun'], { v: '1', rest: ['-', '-dryrun'] }],
    [['-port=0x1F'], { port: '31' }],
    [['-port=010'], { port: '8' }],
    [['-port=1_000'], { port: '1000' }],
    [['-port', '-5'], { port: '-5' }],
  ])('%j', (words, expected) => {
    expect(read(...words)).toEqual({ rest: [], ...expected });
  });
});

describe("errors in Go's words", () => {
  test.each([
    [['-zebra'], 'flag provided but not defined: -zebra'],
    [['--Zebra=1'], 'flag provided but not defined: -Zebra'],
    [['---name'], 'bad flag syntax: ---name'],
    [['-=a'], 'bad flag syntax: -=a'],
    [['--=a'], 'bad flag syntax: --=a'],
    [['-name'], 'flag needs an argument: -name'],
    [['-port', 'x'], 'invalid value "x" for flag -port: parse error'],
    [['-port='], 'invalid value "" for flag -port: parse error'],
    [['-port=08'], 'invalid value "08" for flag -port: parse error'],
    [
      ['-port=99999999999999999999'],
      'invalid value "99999999999999999999" for flag -port: value out of range',
    ],
    [['-dryrun=yes'], 'invalid boolean value "yes" for -dryrun: parse error'],
  ])('%j', (words, message) => {
    expect(() => read(...words)).toThrow(new GoFlagError(message));
  });

  test.each(['-h', '--help', '-HELP'])('%s asks for help', (word) => {
    expect(() => read(word)).toThrow(GoHelpAsked);
  });
});

test('the usage is that of PrintDefaults, in the order of the names', () => {
  expect(goUsage('program', flags)).toBe(`Usage of program:
  -dryrun
    \twrite nothing
  -name string
    \ta name
  -port int
    \ta port (default 8484)
  -v int
    \tverbosity`);
});
