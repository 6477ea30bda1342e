/** Signals that ask a process to end, and the status that a shell expects of one that they killed. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/** Aborts when the process is asked to end. Asked a second time, it ends at once. Call once. */
export function abortWhenAsked(): AbortSignal {
  const controller = new AbortController();
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(status);
      controller.abort();
    });
  }
  return controller.signal;
}
