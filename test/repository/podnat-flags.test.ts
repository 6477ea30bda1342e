import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { podnatFlags } from '../../src/cli/podnat/flags.ts';

const PAGE = 'docs/migrate-from-podnat-controller.md';
const START = '<!-- flags: made from src/cli/podnat/flags.ts by scripts/generate-docs -->';
const END = '<!-- end of flags -->';

/** The flags of podnat-controller itself; a sentence below the table names those of klog. */
function flagTable(): string {
  const rows = podnatFlags
    .filter(({ isKlog }) => !isKlog)
    .map(({ name, standard, option, usage }) => {
      const value = standard === '' || standard === 'false' ? '' : `\`${standard}\``;
      const meaning = usage.replace(/; knat: .*$/, '');
      return `| \`-${name}\` | ${value} | ${option === null ? 'none' : `\`${option.replace(' and ', '`, `')}\``} | ${meaning} |`;
    });
  return `${START}\n| flag | default | option of knat agent | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n${END}`;
}

test('the flags in the migration page are those of the program', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(START);
  const after = rest?.split(END)[1];
  expect(after, `${PAGE} has no place for the flags`).toBeDefined();
  const wanted = `${before}${flagTable()}${after}`;
  if (process.env.KNAT_UPDATE_DOCS === '1') writeFileSync(PAGE, wanted);
  else expect(page).toBe(wanted);
});
