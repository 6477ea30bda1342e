import { Planner } from '../../src/plan/planner.ts';
import type { Source } from '../../src/sources/source.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';

/** When each step of one change was done, in milliseconds of `clock`. */
export interface ChangeStamps {
  readonly key: string;
  /** The watch event became a fact. */
  readonly read: number;
  planned: number;
  /** The kernel acknowledged the transaction. */
  acknowledged: number;
}

/** The machine's monotonic clock in milliseconds, the same in all its processes. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Stamps changes of slices as they pass through this process: planner and connection are wrapped, nothing else differs. */
export class Stamps {
  #changes: ChangeStamps[] = [];
  #transactions = 0;
  #read: ChangeStamps[] = [];
  #planned: ChangeStamps[] = [];

  constructor() {
    const { update } = Planner.prototype;
    const { commit } = NftablesConnection.prototype;
    const plan = () => this.#plan();
    const acknowledge = () => this.#acknowledge();
    Planner.prototype.update = function () {
      const planned = update.apply(this);
      plan();
      return planned;
    };
    NftablesConnection.prototype.commit = function (...given) {
      commit.apply(this, given);
      acknowledge();
    };
  }

  /** The same source; its changes are stamped. */
  of(source: Source, synced: () => void): Source {
    return {
      name: source.name,
      run: (sink, signal) => {
        const stamping = {
          apply: (changes: Parameters<typeof sink.apply>[0]) => {
            const read = clock();
            for (const { kind, key } of changes) {
              if (kind === 'EndpointSlice') this.#read.push({ key, read, planned: 0, acknowledged: 0 });
            }
            sink.apply(changes);
          },
          report: sink.report.bind(sink),
          interrupted: sink.interrupted?.bind(sink),
          restored: sink.restored?.bind(sink),
          synced: () => {
            synced();
            sink.synced();
          },
        };
        return source.run(stamping as typeof sink, signal);
      },
    };
  }

  /** What was stamped since the last call. */
  take(): { readonly changes: readonly ChangeStamps[]; readonly transactions: number } {
    const taken = { changes: this.#changes, transactions: this.#transactions };
    this.#changes = [];
    this.#transactions = 0;
    return taken;
  }

  #plan(): void {
    const planned = clock();
    for (const change of this.#read) this.#planned.push(Object.assign(change, { planned }));
    this.#read = [];
  }

  #acknowledge(): void {
    this.#transactions++;
    const acknowledged = clock();
    for (const change of this.#planned) this.#changes.push(Object.assign(change, { acknowledged }));
    this.#planned = [];
  }
}
