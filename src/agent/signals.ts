/** Signals that ask a process to end, with the exit status that shells report. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Aborts on the first signal; the second ends the process immediately. Call once.
 *
 * @param patience milliseconds after which the process ends in any case; absent: no limit
 */
export function abortWhenAsked(patience?: number): AbortSignal {
  const controller = new AbortController();
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(status);
      // If something keeps the process alive, it ends with the exit status already set.
      if (patience !== undefined)
        setTimeout(() => process.exit(process.exitCode ?? status), patience).unref();
      controller.abort();
    });
  }
  return controller.signal;
}
