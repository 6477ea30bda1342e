import { limitReached } from './reached.ts';
import { type LimitName, limits } from './table.ts';

/** The agent answers as many such questions as it can at once. */
export class AgentBusy extends Error {
  readonly code = 'KNAT_AGENT_BUSY';
  override readonly name = 'AgentBusy';
}

/** Places for work that is done for several clients at once. */
export class Places {
  readonly #name: LimitName;
  #taken = 0;

  constructor(name: LimitName) {
    this.#name = name;
  }

  /** Throws AgentBusy if none is free. The function that is returned, which may be called again, gives the place back. */
  take(): () => void {
    const { most, of } = limits[this.#name];
    if (this.#taken >= most) {
      limitReached(this.#name);
      throw new AgentBusy(`the agent has room for ${most} ${of}; ask again shortly`);
    }
    this.#taken++;
    let isBack = false;
    return () => {
      if (!isBack) this.#taken--;
      isBack = true;
    };
  }
}
