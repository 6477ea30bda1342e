/** The values that a label can have: all of them, or in words where they come from a table elsewhere. */
export type LabelValues = readonly string[] | { readonly words: string };

/** One metric: what a scrape says of it, and what docs/metrics.md does. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What is counted or measured; where a time begins and ends; what the number does not say. */
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets: readonly number[];
}

/** Labels of one observation, by the definition's own values. */
export type LabelsOf<Of extends Definition> = {
  readonly [Label in keyof Of['labels']]: Of['labels'][Label] extends readonly (infer Value extends string)[]
    ? Value
    : string;
};

const none = {} as const;

export function counter<const Labels extends Definition['labels'] = typeof none>(
  help: string,
  labels?: Labels,
) {
  return { type: 'counter', help, labels: labels ?? (none as Labels), buckets: [] } as const;
}

export function gauge<const Labels extends Definition['labels'] = typeof none>(
  help: string,
  labels?: Labels,
) {
  return { type: 'gauge', help, labels: labels ?? (none as Labels), buckets: [] } as const;
}

export function histogram<const Labels extends Definition['labels'] = typeof none>(
  help: string,
  buckets: readonly number[],
  labels?: Labels,
) {
  return { type: 'histogram', help, labels: labels ?? (none as Labels), buckets } as const;
}

/** `count` bounds from `first` on, each `factor` times the one before. */
export function exponential(first: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));
}

/** `count` bounds from `first` on, each `step` more than the one before. */
export function linear(first: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + step * index);
}
