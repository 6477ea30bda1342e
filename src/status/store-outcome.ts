/**
 * The outcome of keeping the state in a store. `written`: the store took it. `held`: it has what is in force, written now or
 * before. `failed`: a read or a write failed and is tried again.
 */
export type StoreOutcome = 'written' | 'held' | 'failed';
