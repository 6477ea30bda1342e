/** `held`: the store has what is in force, written now or before. `failed`: the read or write is retried. */
export type StoreOutcome = 'written' | 'held' | 'failed';
