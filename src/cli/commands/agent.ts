import type { PlanSettings } from '../../agent/settings.ts';
import { abortWhenAsked } from '../../agent/signals.ts';
import { createLogger, type Logger, logWarnings } from '../../observe/logger.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import type { Context } from '../context.ts';
import { planSettings } from '../options/plan-settings.ts';
import { besideKubeProxy, runSettings } from '../options/run-settings.ts';
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
  if (values.dryRun === true) {
    const settings = await settingsOf(values, context, logger);
    const signal = abortWhenAsked(PATIENCE);
    const { dryRun } = await import('./agent-dry-run.ts');
    await unlessAborted(signal, dryRun(settings, values, context, signal));
    return;
  }
  const signal = abortWhenAsked(PATIENCE);
  while (await unlessAborted(signal, runOne(values, context, logger, signal)));
}

/** Settles as the work does, but never rejects once the signal has aborted. */
async function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  }
}

async function settingsOf(values: SettingValues, context: Context, logger: Logger): Promise<PlanSettings> {
  const asked = await planSettings(values, {
    debug: (line) => logger.debug(line),
    warn: (line) => logger.warn(line),
    defaultNode: context.defaultNode,
    isOnce: values.once === true || values.dryRun === true,
  });
  return { ...asked, nodeName: asked.nodeName ?? context.defaultNode };
}

/** Runs one agent to its end; true if another one must follow, since kube-proxy has come or gone. */
async function runOne(
  asked: SettingValues,
  context: Context,
  logger: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  const { hasKubeProxy, runAgent } = await import('../../agent/agent-run.ts');
  const { enable = defaultPlanOptions.enable } = asked;
  const mayLeave = enable.service && besideKubeProxy(asked) === 'leave';
  const isLeft = mayLeave && (await hasKubeProxy(signal));
  const values = isLeft ? { ...asked, enable: { ...enable, service: false } } : asked;
  const settings = await settingsOf(values, context, logger);
  const turn = new AbortController();
  const run = {
    ...runSettings(values, settings),
    ...{ settings, logger, version: context.version },
    whatIf: { script: process.argv[1] ?? '', podNat: podNatOptions(values) },
    ...(mayLeave ? { servicesLeft: { isLeft, moved: () => turn.abort() } } : {}),
  };
  const status = await runAgent(run, AbortSignal.any([signal, turn.signal]));
  if (run.once) {
    const { checkObjects } = await import('./object-problems.ts');
    checkObjects(status, values.strict === true, (line) => logger.warn(line));
  }
  return turn.signal.aborted;
}
