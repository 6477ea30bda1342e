import type { AgentRun, PodnatControllerChoice } from '../../agent/agent-run.ts';
import type { PlanSettings } from '../../agent/settings.ts';
import type { Context } from '../context.ts';
import { conntrackOf } from '../options/conntrack.ts';
import { proxyHealthOf } from '../options/health-options.ts';
import { httpOptions } from '../options/http-options.ts';
import { DEFAULT_HEALTH_ADDRESS, DEFAULT_PODNAT_PREFIX } from '../options/readers.ts';
import { storeSettings } from '../options/store-settings.ts';
import type { SettingValues } from '../options/table.ts';

/** A stopped agent ends within this many milliseconds; its rules stay in the kernel in any case. */
const PATIENCE = 5_000;

/**
 * Runs the agent with the options.
 *
 * @param notes first lines of the log
 */
export async function runAgentWith(
  values: SettingValues,
  context: Context,
  notes: readonly string[] = [],
): Promise<void> {
  const { createLogger, logWarnings } = await import('../../observe/logger.ts');
  const { planSettings } = await import('../options/plan-settings.ts');
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
  const { abortWhenAsked } = await import('../../agent/signals.ts');
  const signal = abortWhenAsked(PATIENCE);
  try {
    if (values.dryRun === true) {
      const { dryRun } = await import('./agent-dry-run.ts');
      await dryRun(settings, values, context, signal);
      return;
    }
    const { runAgent } = await import('../../agent/agent-run.ts');
    const once = values.once === true;
    const { healthAddress = DEFAULT_HEALTH_ADDRESS, events = true } = values;
    const { version } = context;
    const replaceKubeProxy = values.replaceKubeProxy === true;
    const { egressOnChange = 'keep', attributionLog, attributionLogMib = 64 } = values;
    const attribution =
      attributionLog === undefined
        ? null
        : { file: attributionLog === 'memory' ? null : attributionLog, limit: attributionLogMib * 2 ** 20 };
    const { store, nodeStatus } = storeSettings(values, settings.nodeName);
    const podnatController = podnatControllerSettings(values, settings.plan.enable.pod);
    const { manageForward = true } = values;
    const run: AgentRun = {
      ...{ settings, logger, version, once, replaceKubeProxy, manageForward, health: healthAddress },
      proxyHealth: settings.plan.enable.service ? proxyHealthOf(values, healthAddress) : null,
      tell: { nodeStatus, events },
      conntrack: conntrackOf(values),
      flows: { egressOnChange, attribution },
      http: httpOptions(values, settings.plan.enable.service),
      ...(store === null ? {} : { store }),
      ...(podnatController === null ? {} : { podnatController }),
    };
    const status = await runAgent(run, signal);
    if (once) {
      const { checkObjects } = await import('./object-problems.ts');
      checkObjects(status, values.strict === true, (line) => logger.warn(line));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Null if Pod NAT is off: a podnat-controller may do it. */
function podnatControllerSettings(values: SettingValues, isWanted: boolean): PodnatControllerChoice | null {
  if (!isWanted) return null;
  const { podnatPrefix = DEFAULT_PODNAT_PREFIX, replacePodnatController = false } = values;
  return { prefix: podnatPrefix, replace: replacePodnatController };
}
