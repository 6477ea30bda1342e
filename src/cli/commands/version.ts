import { hostVersions } from '../../agent/versions.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';

export async function version({ output }: SettingValues, { version, terminal }: Context): Promise<void> {
  const versions = { version, ...(await hostVersions(new AbortController().signal)) };
  await printData(terminal, output, versions, () => {
    terminal.print(`knat ${version}`);
    terminal.print(`Node.js ${versions.node}`);
    terminal.print(`nft ${versions.nft ?? '(not installed)'}`);
    terminal.print(`Linux ${versions.kernel}`);
  });
}
