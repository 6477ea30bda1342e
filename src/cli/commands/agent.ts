import type { Command } from 'commander';
import type { PlanSettings } from '../../agent/settings.ts';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings } from '../options/commander.ts';
import { PLAN_SETTINGS } from '../options/plan-settings-names.ts';
import { DEFAULT_HEALTH_ADDRESS } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

export function addAgentCommand(program: Command, context: Context): void {
  const command = program
    .command('agent')
    .summary('do the NAT of this node, until told to stop')
    .description(
      'Keeps the NAT of this node as the objects of the source want it, until SIGTERM or SIGINT. The rules stay\n' +
        'in the kernel when it stops; knat cleanup removes them. One agent runs in a network namespace.\n' +
        'Objects that cannot be used are named in the log; everything else is programmed.',
    )
    .action(async () => run(await valuesOf(command, context), context));
  addSettings(command, [
    ...PLAN_SETTINGS,
    'nodeStatus',
    'events',
    'healthAddress',
    'once',
    'replaceKubeProxy',
    'dryRun',
    'strict',
  ]);
  addConfigOption(command);
  addSettings(command, ['output', 'logLevel', 'logFormat']);
  command.addHelpText(
    'after',
    examples([
      'knat agent --source kubernetes                                    # in a pod of the node, or with a kubeconfig',
      'knat agent --source dir:/etc/knat/manifests',
      'knat agent --source dir:/etc/knat/manifests --enable pod,egress   # kube-proxy keeps the Services',
      'knat agent --source dir:/etc/knat/manifests --replace-kube-proxy',
      'knat agent --source dir:. --node worker-1 --dry-run               # what would change?',
      'KNAT_SOURCE=dir:/etc/knat/manifests KNAT_LOG_LEVEL=debug knat agent --once',
    ]),
  );
}

async function run(values: SettingValues, context: Context): Promise<void> {
  const { createLogger } = await import('../../observe/logger.ts');
  const { planSettings } = await import('../options/plan-settings.ts');
  const { terminal } = context;
  const logger = createLogger({
    level: values.logLevel ?? 'info',
    format: values.logFormat ?? (terminal.watched ? 'text' : 'json'),
    colors: terminal.errorColors,
  });
  const asked = await planSettings(values, {
    debug: (line) => logger.debug(line),
    defaultNode: context.defaultNode,
    isThisHost: true,
    isOnce: values.once === true || values.dryRun === true,
  });
  const settings: PlanSettings = { ...asked, nodeName: asked.nodeName ?? context.defaultNode };
  const { abortWhenAsked } = await import('../../agent/signals.ts');
  const signal = abortWhenAsked();
  try {
    if (values.dryRun === true) {
      const { dryRun } = await import('./agent-dry-run.ts');
      await dryRun(settings, values, context, signal);
      return;
    }
    const { runAgent } = await import('../../agent/commands.ts');
    const once = values.once === true;
    const { healthAddress = DEFAULT_HEALTH_ADDRESS, nodeStatus = true, events = true } = values;
    const { version } = context;
    const replaceKubeProxy = values.replaceKubeProxy === true;
    const tell = { nodeStatus, events };
    const run = { settings, logger, version, once, replaceKubeProxy, health: healthAddress, tell };
    const status = await runAgent(run, signal);
    if (once) {
      const { checkObjects } = await import('./object-problems.ts');
      checkObjects(status, values.strict === true, (line) => logger.warn(line));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
