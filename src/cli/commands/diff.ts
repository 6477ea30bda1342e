import { previewAgent } from '../../agent/preview.ts';
import type { Difference, DifferenceGroup } from '../../forms/difference.ts';
import { formatFinding } from '../../model/finding.ts';
import { differenceOf } from '../../observe/difference.ts';
import { agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { planSettings } from '../options/plan-settings.ts';
import { readWholeNumber, ValueError } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

export interface DiffValues extends SettingValues {
  readonly agent?: true;
  readonly limit?: string;
}

const skeletonTexts = {
  intact: 'tables, chains and rules are as they should be',
  absent: 'tables, chains and rules do not exist',
  other: 'tables, chains and rules are of another version, have other settings, or were edited',
} as const;

/** Exit status 1 if plan and kernel differ. */
export async function diff(values: DiffValues, context: Context): Promise<void> {
  const { terminal } = context;
  const difference = await compare(values, readLimit(values.limit), context);
  await printData(terminal, values.output, difference, () => printDifference(difference, terminal));
  if (!difference.equal) context.exit = EXIT.failed;
}

async function compare(values: DiffValues, limit: number, context: Context): Promise<Difference> {
  const { terminal } = context;
  if (values.source === undefined || values.agent === true) {
    return await agentClient(context).ask('/diff', { limit });
  }
  const settings = await planSettings(values, {
    defaultNode: context.defaultNode,
    isOnce: true,
    warn: (line) => terminal.printErrorLine(`warning: ${line}`),
  });
  const work = previewAgent(
    { ...settings, nodeName: settings.nodeName ?? context.defaultNode },
    'refuse',
    new AbortController().signal,
  );
  const preview = await withProgress(terminal, `reading ${settings.source.name}`, work);
  for (const problem of preview.problems) {
    terminal.printErrorLine(`${problem.severity}: ${formatFinding(problem)}`);
  }
  return differenceOf(preview, limit);
}

export function printDifference(difference: Difference, terminal: Terminal): void {
  const { colors } = terminal;
  const { equal, skeleton, groups, elements, missing, surplus } = difference;
  terminal.printText(skeletonTexts[skeleton]);
  if (equal) {
    terminal.print('nothing differs');
    return;
  }
  terminal.print(`elements: ${missing} missing, ${surplus} surplus`);
  let printed = 0;
  for (const group of groups) {
    terminal.print('');
    terminal.printText(`${colors.bold(titleOf(group))}: ${group.missing} missing, ${group.surplus} surplus`);
    const count = group.missing + group.surplus;
    for (const { what, element } of elements.slice(printed, printed + count)) {
      const color = what === 'missing' ? colors.red : colors.yellow;
      terminal.printText(`  ${color(what)}  ${element}`, 11);
    }
    printed += count;
  }
  const unnamed = missing + surplus - elements.length;
  if (unnamed > 0) terminal.printBlock(`\n${unnamed} more elements differ (--limit)`);
}

function titleOf({ owner, object }: DifferenceGroup): string {
  switch (owner) {
    case 'object':
      return object ?? '';
    case 'shared':
      return 'not tied to one object (networks, pools, constants)';
    case 'nobody':
      return 'leftover (no entry of the plan has them)';
    default:
      return owner satisfies never;
  }
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return 1000;
  try {
    return readWholeNumber(0, 1_000_000)(text);
  } catch (error) {
    if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `--limit: ${error.message}`);
    throw error;
  }
}
