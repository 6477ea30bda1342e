const waiting: (() => void)[] = [];
let isScheduled = false;

/**
 * Long work of many questions waits here between its steps. In each turn of the event loop one of them goes on, in the order in
 * which they came: what does not wait here, such as NAT, is held up by one step, however many questions there are.
 */
export function sharedTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    schedule();
  });
}

function schedule(): void {
  if (isScheduled || waiting.length === 0) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    const next = waiting.shift();
    schedule();
    next?.();
  });
}
