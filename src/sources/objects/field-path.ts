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
