/** Signals that ask a process to end, and the status that a shell expects of one that they killed. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Aborts when the process is asked to end. Asked a second time, it ends at once. Call once.
 *
 * @param patience after so many milliseconds the process ends, whatever still keeps it; absent: it may take its time
 */
export function abortWhenAsked(patience?: number): AbortSignal {
  const controller = new AbortController();
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(status);
      // What has ended with a status, and is held by something that was forgotten, ends with that.
      if (patience !== undefined)
        setTimeout(() => process.exit(process.exitCode ?? status), patience).unref();
      controller.abort();
    });
  }
  return controller.signal;
}
