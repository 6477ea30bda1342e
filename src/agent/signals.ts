/** Signals that ask a process to end, with the exit status that a shell expects after them. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Aborts when the process is asked to end. Asked a second time, it ends at once. Call once.
 *
 * @param patience milliseconds after which the process ends in any case; absent: no limit
 */
export function abortWhenAsked(patience?: number): AbortSignal {
  const controller = new AbortController();
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(status);
      // A process that has set its exit status, but is kept alive by something, ends with that status.
      if (patience !== undefined)
        setTimeout(() => process.exit(process.exitCode ?? status), patience).unref();
      controller.abort();
    });
  }
  return controller.signal;
}
