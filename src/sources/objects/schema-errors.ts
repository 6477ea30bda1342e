import type { z } from 'zod';
import { didYouMean } from '../../base/did-you-mean.ts';
import type { ManifestRoot } from './manifest-root.ts';

export interface SchemaError {
  readonly steps: readonly (string | number)[];
  readonly message: string;
  readonly isUnknownKey: boolean;
}

/**
 * The errors of a schema: each unknown key separately; for a union those of the branch that matched furthest.
 * @param hint suggests a replacement for an unknown key of the value at `steps`
 */
export function schemaErrors(
  issues: readonly z.core.$ZodIssue[],
  hint: (key: string, steps: SchemaError['steps']) => string,
): SchemaError[] {
  return issues.flatMap((issue) => {
    const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        return { steps: [...steps, key], message: `unknown key: ${hint(key, steps)}`, isUnknownKey: true };
      });
    }
    const inner =
      issue.code === 'invalid_union' ? issue.errors.flat().find(({ code }) => code === 'custom') : undefined;
    if (inner !== undefined) return schemaErrors([{ ...inner, path: [...steps, ...inner.path] }], hint);
    return [{ steps, message: issue.message, isUnknownKey: false }];
  });
}

/** In the order of the file: `FILE:12: steps.0.port: MESSAGE`. */
export function errorLines(errors: readonly SchemaError[], root: ManifestRoot, filename: string): string[] {
  return errors
    .map(({ steps, message }) => ({ line: root.lineOf(steps), path: steps.join('.'), message }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, path, message }) => `${filename}:${line}: ${path === '' ? '' : `${path}: `}${message}`);
}

/** A similar known key, otherwise all known keys. */
export function keyHint(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return meant === null ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`;
}
