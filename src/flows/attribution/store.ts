/** Where the attribution log stands. */
export interface AttributionStore {
  /** Adds whole lines at the end. Never throws and never waits; `takeTrouble` says what could not be kept. */
  append(lines: string): void;
  /** All lines that are kept, from the oldest. */
  read(): AsyncIterable<string>;
  /** How often old lines were dropped to make room: after each time, present flows must be written again. */
  readonly rotations: number;
  /** Why lines could not be kept since it was last asked; null: they could. */
  takeTrouble(): string | null;
  /** Writes out what waits. */
  close(): Promise<void>;
}
