import type { Command, Option } from 'commander';
import { type SettingName, settings } from '../options/table.ts';
import { SHELLS } from './scripts.ts';

const PROTOCOL_NAMES = ['tcp', 'udp', 'sctp', 'icmp'];

/** What may stand at the place of the cursor. */
export interface Candidates {
  /** Words that begin with what is written, each with a help in a few words. */
  readonly words: readonly Candidate[];
  /** The shell completes the names of files. */
  readonly files: boolean;
  /** The agent knows more: places (`pod/shop/web-0`), nodes. */
  readonly names: 'place' | 'node' | null;
}

export interface Candidate {
  readonly word: string;
  readonly help: string;
}

const SOURCES: readonly Candidate[] = [
  { word: 'dir:', help: 'a folder of manifests' },
  { word: 'kubernetes', help: 'a cluster' },
];

const nothing: Candidates = { words: [], files: false, names: null };

/**
 * @param program with the options of the command that is written
 * @param words of the command line after the program's name; the last one is being written
 */
export function candidatesFor(program: Command, words: readonly string[]): Candidates {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = program.commands.find((each) => each.name() === before[0]);
  if (command === undefined) {
    if (before.length > 0 && before[0] !== 'help') return nothing;
    const visible = program.createHelp().visibleCommands(program);
    const listed = visible.map((each) => ({ word: each.name(), help: each.summary() || each.description() }));
    return begun(before.length === 0 ? listed : listed.filter(({ word }) => word !== 'help'), current);
  }
  const equals = current.startsWith('--') ? current.indexOf('=') : -1;
  if (equals >= 0) {
    const option = findOption(command, current.slice(0, equals));
    const value = valuesOf(option, current.slice(equals + 1));
    const words = value.words.map(({ word, help }) => ({ word: current.slice(0, equals + 1) + word, help }));
    return { ...value, words };
  }
  if (current.startsWith('-')) return begun(optionsOf(command, before), current);
  const open = findOption(command, before.at(-1) ?? '');
  if (open?.required === true) return valuesOf(open, current);
  if (command.name() === 'completion')
    return begun(
      SHELLS.map((word) => ({ word, help: '' })),
      current,
    );
  const argument = command.registeredArguments[0];
  return argument !== undefined && /file/i.test(argument.name()) ? { ...nothing, files: true } : nothing;
}

function findOption(command: Command, flag: string): Option | undefined {
  return flag.startsWith('-')
    ? command.options.find(({ long, short }) => flag === long || flag === short)
    : undefined;
}

/** Options that may be repeated are offered again, others once. */
function optionsOf(command: Command, before: readonly string[]): Candidate[] {
  const given = new Set(before.map((word) => word.split('=', 1)[0]));
  const isLeft = (option: Option) =>
    !given.has(option.long ?? '') || option.description.includes('may be repeated');
  const offered = command.options.filter((option) => !option.hidden && isLeft(option));
  const help = { word: '--help', help: 'the help of this command' };
  return [
    ...offered.map((option) => ({ word: option.long ?? '', help: firstWords(option.description) })),
    help,
  ];
}

/** Help is cut where its first sentence ends: shells show one line. */
function firstWords(description: string): string {
  return description.split(/[:;(]/, 1)[0]?.trim() ?? '';
}

function valuesOf(option: Option | undefined, current: string): Candidates {
  if (option === undefined) return nothing;
  const choices = choicesOf(option);
  if (choices.length > 0)
    return begun(
      choices.map((word) => ({ word, help: '' })),
      current,
    );
  const [, placeholder = ''] = /[<[]([^>\]]+)[>\]]/.exec(option.flags) ?? [];
  if (placeholder === 'PLACE') return { ...nothing, names: 'place' };
  if (option.long === '--node') return { ...nothing, names: 'node' };
  if (placeholder === 'SOURCE') {
    return begun(SOURCES, current);
  }
  return { ...nothing, files: /FILE|FOLDER|WHERE/.test(placeholder) };
}

/** All values that an option takes; none if there are too many to list. */
function choicesOf(option: Option): readonly string[] {
  const name = option.attributeName();
  if (name === 'proto' || name === 'protocol') return PROTOCOL_NAMES;
  return option.argChoices ?? (isSettingName(name) ? settings[name].read.choices : undefined) ?? [];
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

function begun(all: readonly Candidate[], current: string): Candidates {
  return { ...nothing, words: all.filter(({ word }) => word.startsWith(current)) };
}
