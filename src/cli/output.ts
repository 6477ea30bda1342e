import { hasUnseen, printableJson } from '../model/printable.ts';
import type { Terminal } from './terminal.ts';

export type OutputForm = 'table' | 'json' | 'yaml';

/** JSON or YAML; `people` prints the form `table`. */
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

/** Texts with invisible characters are double-quoted, where YAML has JSON's escapes. */
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
