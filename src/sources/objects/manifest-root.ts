/** A file's contents as values, before any of it is known to be a Kubernetes object. */
export interface ManifestRoot {
  readonly value: unknown;
  /** 1-based line of the value at these steps, or of the deepest one on the way that exists. */
  readonly lineOf: (steps: readonly (string | number)[]) => number;
  /** 1-based lines of all items of the list at these steps, found in one pass. */
  readonly itemLines: (steps: readonly (string | number)[]) => readonly number[];
}

/** The file cannot be read as a whole; `line` is 1-based. */
export interface ManifestSyntaxError {
  readonly line: number;
  readonly message: string;
}
