import { hasUnseen, printableJson } from '../model/printable.ts';
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
      terminal.printBlock(printableJson(JSON.stringify(data, null, 2)));
      break;
    case 'yaml': {
      terminal.printBlock((await yamlOf(data)).trimEnd());
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

/** Texts with what would not be seen stand in double quotes, where YAML has the escapes of JSON. */
async function yamlOf(data: unknown): Promise<string> {
  const { Document, visit } = await import('yaml');
  const document = new Document(data, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && hasUnseen(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return printableJson(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
  );
}
