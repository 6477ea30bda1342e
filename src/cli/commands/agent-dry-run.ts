import { previewAgent } from '../../agent/preview.ts';
import type { PlanSettings } from '../../agent/settings.ts';
import { formatFinding } from '../../model/finding.ts';
import type { Context } from '../context.ts';
import { besideKubeProxy } from '../options/run-settings.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { withProgress } from '../progress.ts';
import { checkObjects } from './object-problems.ts';

const skeletonTexts = {
  kept: 'tables, chains and rules: no change',
  loaded: 'tables, chains and rules: would be loaded (tables ip knat and ip6 knat)',
  changed:
    'tables, chains and rules: some chains would be rewritten, because settings differ or the chains were edited',
  swapped: 'tables, chains and rules: would be replaced, because they are of another version or were edited',
} as const;

const kubeProxyTexts = {
  none: 'kube-proxy: no rules found',
  leave: 'kube-proxy: its rules would stay, because it keeps the Services',
  refuse: 'kube-proxy: the agent would refuse to start beside it (KNAT_KUBE_PROXY_PRESENT)',
  remove: 'kube-proxy: its rules would be removed once the rules of knat are in force',
} as const;

/** `knat agent --dry-run`. */
export async function dryRun(
  settings: PlanSettings,
  values: SettingValues,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const { terminal } = context;
  const reading = previewAgent(settings, besideKubeProxy(values), signal);
  const preview = await withProgress(terminal, `reading ${settings.source.name}`, reading);
  const { skeleton, changes, kubeProxy, problems } = preview;
  for (const what of kubeProxy.unseen) {
    terminal.printErrorLine(`warning: cannot tell whether kube-proxy left rules: ${what}`);
  }
  for (const problem of problems) terminal.printErrorLine(`${problem.severity}: ${formatFinding(problem)}`);
  await printData(terminal, values.output, preview, () => {
    terminal.print(kubeProxyTexts[kubeProxy.action]);
    for (const found of kubeProxy.found) terminal.print(`  ${found}`);
    terminal.print(skeletonTexts[skeleton]);
    terminal.print(
      changes.length === 0 ? 'elements: nothing to change' : `elements: ${changes.length} changes`,
    );
    for (const { what, element } of changes) terminal.print(`  ${what} element ${element}`);
  });
  checkObjects(preview, values.strict === true, (line) => terminal.printErrorLine(`warning: ${line}`));
}
