const ENDING_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

const lastActs = new Set<() => void>();

/**
 * Runs the synchronous `act` when this process ends by itself, by an uncaught exception, or by SIGHUP, SIGINT or
 * SIGTERM. If another listener handles such a signal, that listener decides about the end. Returns a function that
 * cancels it.
 */
export function beforeTheEnd(act: () => void): () => void {
  if (lastActs.size === 0) {
    process.on('exit', carryOut);
    for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  }
  lastActs.add(act);
  return () => {
    if (!lastActs.delete(act) || lastActs.size > 0) return;
    process.off('exit', carryOut);
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  };
}

function carryOut(): void {
  for (const act of [...lastActs]) act();
}

function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  carryOut();
  process.off(signal, onSignal);
  process.kill(process.pid, signal); // now it ends the process, and our parent sees which signal it was
}
