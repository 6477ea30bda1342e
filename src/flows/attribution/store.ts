/** Where the attribution log stands. */
export interface AttributionStore {
  /** Adds whole lines at the end. Never throws and never waits: what cannot be kept is told by `trouble`. */
  append(lines: string): void;
  /** All lines that are kept, from the oldest. */
  read(): AsyncIterable<string>;
  /** True once after something old was given up for something new: flows that are there must be written anew. */
  takeRotated(): boolean;
  /** Why lines could not be kept since it was last asked; null: they could. */
  takeTrouble(): string | null;
  /** Writes out what waits. */
  close(): Promise<void>;
}
