/** A trace runs already: there is one at a time on a node. */
export class TraceRunning extends Error {
  readonly code = 'KNAT_TRACE_RUNNING';
  /** Of an answer over HTTP: Conflict. */
  readonly status = 409;
  override readonly name = 'TraceRunning';
  readonly details: readonly string[];

  /** @param who has it, and until when */
  constructor(who: string) {
    super('a packet trace runs on this node already, and there is one at a time');
    this.details = [`it is that of ${who}`];
  }
}
