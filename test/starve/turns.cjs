/**
 * Preloaded into the agent: measures the turns of its event loop, and answers the parent process, which asks with any message.
 * Between two timers of a millisecond lies one turn; its processor time is that of the main thread, which a busy machine
 * does not lengthen.
 */
const { openSync, readdirSync, readFileSync, readSync } = require('node:fs');

if (process.send !== undefined) {
  const file = openSync('/proc/thread-self/schedstat', 'r');
  const buffer = Buffer.alloc(64);
  /** Milliseconds on a processor. */
  const processorTime = () => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    return Number(buffer.toString('latin1', 0, length).split(' ', 1)[0]) / 1e6;
  };
  const fresh = () => ({ turn: 0, wait: 0, resident: 0, descriptors: 0, children: 0 });
  let most = fresh();
  let before = { at: performance.now(), used: processorTime() };
  let looks = 0;
  const look = () => {
    const now = { at: performance.now(), used: processorTime() };
    most.turn = Math.max(most.turn, now.used - before.used);
    most.wait = Math.max(most.wait, now.at - before.at);
    if (++looks % 64 === 0) size();
    before = { at: now.at, used: processorTime() };
    setTimeout(look, 1).unref();
  };
  const size = () => {
    most.resident = Math.max(most.resident, process.memoryUsage.rss());
    most.descriptors = Math.max(most.descriptors, readdirSync('/proc/self/fd').length);
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim();
    most.children = Math.max(most.children, children === '' ? 0 : children.split(' ').length);
  };
  look();
  process.on('message', () => {
    size();
    process.send?.({ ...most, cpu: process.cpuUsage() });
    most = fresh();
  });
  process.channel?.unref();
}
