import { whatIfQuestion } from '../../forms/what-if.ts';
import { InvalidQuery } from '../invalid-query.ts';

/** Reads a posted question of what-if. Throws InvalidQuery. */
export function readWhatIfQuestion(bytes: Uint8Array) {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new InvalidQuery(`the question is no JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const read = whatIfQuestion.safeParse(value);
  if (!read.success) {
    const [first = 'the question cannot be understood', ...rest] = read.error.issues.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    );
    throw new InvalidQuery(first, rest.slice(0, 10));
  }
  const { manifests, delete: deletions } = read.data;
  if (manifests.length + deletions.length === 0) {
    throw new InvalidQuery('name the change: manifests, or objects in delete');
  }
  return read.data;
}
