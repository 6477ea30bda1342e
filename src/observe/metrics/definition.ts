/** All values of a label, or the name of the table that lists them. */
export type LabelValues = readonly string[] | { readonly words: string };

/** A metric, for scrapes and docs/metrics.md. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What is measured, begin and end of a duration, and what the number does not say. */
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets: readonly number[];
}

export type LabelsOf<Of extends Definition> = {
  readonly [Label in keyof Of['labels']]: Of['labels'][Label] extends readonly (infer Value extends string)[]
    ? Value
    : string;
};

const none = {} as const;

function withoutBuckets<const Type extends 'counter' | 'gauge'>(type: Type) {
  return <const Labels extends Definition['labels'] = typeof none>(help: string, labels?: Labels) =>
    ({ type, help, labels: labels ?? (none as Labels), buckets: [] }) as const;
}

export const counter = withoutBuckets('counter');
export const gauge = withoutBuckets('gauge');

export function histogram<const Labels extends Definition['labels'] = typeof none>(
  help: string,
  buckets: readonly number[],
  labels?: Labels,
) {
  return { type: 'histogram', help, labels: labels ?? (none as Labels), buckets } as const;
}

/** `count` bounds from `first` on, each `factor` times the previous. */
export function exponential(first: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));
}

/** `count` bounds from `first` on, at intervals of `step`. */
export function linear(first: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + step * index);
}
