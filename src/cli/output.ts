import type { Terminal } from './terminal.ts';

/** How data is printed: for people, or for programs. */
export type OutputForm = 'table' | 'json' | 'yaml';

/** Prints plain data as JSON or YAML; with `table` what `people` prints. */
export async function printData(
  terminal: Terminal,
  form: OutputForm | undefined,
  data: unknown,
  people: () => void,
): Promise<void> {
  switch (form) {
    case 'json':
      terminal.print(JSON.stringify(data, null, 2));
      break;
    case 'yaml': {
      const { stringify } = await import('yaml');
      terminal.print(stringify(data, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd());
      break;
    }
    case 'table':
    case undefined:
      people();
      break;
    default:
      form satisfies never;
  }
}
