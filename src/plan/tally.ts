/** Numbers of things by name, kept while things come and go. */
export class Tally<Name extends string> {
  readonly #counts = new Map<Name, number>();

  of(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: Name): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  take(name: Name): void {
    this.#counts.set(name, this.of(name) - 1);
  }
}
