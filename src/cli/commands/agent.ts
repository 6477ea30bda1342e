import type { PlanSettings } from '../../agent/settings.ts';
import { abortWhenAsked } from '../../agent/signals.ts';
import { createLogger, logWarnings } from '../../observe/logger.ts';
import type { Context } from '../context.ts';
import { planSettings } from '../options/plan-settings.ts';
import { runSettings } from '../options/run-settings.ts';
import { podNatOptions } from '../options/source.ts';
import type { SettingValues } from '../options/table.ts';

/** Milliseconds before a stopped agent ends in any case; its rules stay in the kernel. */
const PATIENCE = 5_000;

/** @param notes first lines of the log */
export async function runAgentWith(
  values: SettingValues,
  context: Context,
  notes: readonly string[] = [],
): Promise<void> {
  const { terminal } = context;
  const logger = createLogger({
    level: values.logLevel ?? 'info',
    format: values.logFormat ?? (terminal.watched ? 'text' : 'json'),
    colors: terminal.errorColors,
  });
  logWarnings(logger, process);
  for (const note of notes) logger.info(note);
  const asked = await planSettings(values, {
    debug: (line) => logger.debug(line),
    warn: (line) => logger.warn(line),
    defaultNode: context.defaultNode,
    isOnce: values.once === true || values.dryRun === true,
  });
  const settings: PlanSettings = { ...asked, nodeName: asked.nodeName ?? context.defaultNode };
  const signal = abortWhenAsked(PATIENCE);
  try {
    if (values.dryRun === true) {
      const { dryRun } = await import('./agent-dry-run.ts');
      await dryRun(settings, values, context, signal);
      return;
    }
    const { runAgent } = await import('../../agent/agent-run.ts');
    const { version } = context;
    const whatIf = { script: process.argv[1] ?? '', podNat: podNatOptions(values) };
    const run = { settings, logger, version, whatIf, ...runSettings(values, settings) };
    const status = await runAgent(run, signal);
    if (run.once) {
      const { checkObjects } = await import('./object-problems.ts');
      checkObjects(status, values.strict === true, (line) => logger.warn(line));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
