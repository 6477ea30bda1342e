export interface ManifestRoot {
  readonly value: unknown;
  /** 1-based line of the value at these steps, or of its deepest existing parent. */
  readonly lineOf: (steps: readonly (string | number)[]) => number;
  /** 1-based lines of all items of the list at these steps, found in one pass. */
  readonly itemLines: (steps: readonly (string | number)[]) => readonly number[];
}

/** The whole file cannot be read; `line` is 1-based. */
export interface ManifestSyntaxError {
  readonly line: number;
  readonly message: string;
}

/** The steps of a field path: `spec.ports[0].port` is `['spec', 'ports', 0, 'port']`; `[a.b/c]` is one text step. */
export function fieldSteps(path: string): readonly (string | number)[] {
  const steps: (string | number)[] = [];
  for (const match of path.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)) {
    const inner = match[1];
    if (inner === undefined) steps.push(match[0]);
    else steps.push(/^\d+$/.test(inner) ? Number(inner) : inner);
  }
  return steps;
}

/** The inverse of `fieldSteps`. */
export function formatSteps(steps: readonly (string | number)[]): string {
  return steps.reduce<string>((path, step) => {
    if (typeof step === 'number' || /[./]/.test(step)) return `${path}[${step}]`;
    return path === '' ? step : `${path}.${step}`;
  }, '');
}
