import type { NamespaceFact } from '../../model/namespace.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed } from './parsed.ts';

/** A Namespace (v1): its name and labels. */
export function parseNamespace(object: unknown, context: ParseContext): Parsed<NamespaceFact> {
  const { name, metadata, report } = openObject('Namespace', object, context.shared);
  return report.finish({ name: context.shared.text(name), labels: metadata.textMap('labels') });
}
