/**
 * What came of keeping the state in a store. `written`: the store took it. `held`: it has what is in force, be it written
 * now or found so. `failed`: a read or a write, which is tried again.
 */
export type StoreOutcome = 'written' | 'held' | 'failed';
