/** Where the attribution log stands. */
export interface AttributionStore {
  /** Appends whole lines. Never throws or waits; `takeTrouble` reports lines that could not be kept. */
  append(lines: string): void;
  /** All kept lines, oldest first. */
  read(): AsyncIterable<string>;
  /** How often old lines were dropped to make room; present flows must be written again after each time. */
  readonly rotations: number;
  /** Why lines could not be kept since the last call; null: all were kept. */
  takeTrouble(): string | null;
  close(): Promise<void>;
}
