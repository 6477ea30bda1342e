import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

/** @import { HoldReport, HoldRequest } from '../probe-messages.ts' */
/** @typedef {{ send(): void, close(): void }} Line */
/** @typedef {{ onUp(): void, onAnswer(messages: number): void, onEnd(why: string): void }} Listener */

/** How long the answers to the last messages may be under way. */
const LAST_ANSWERS_MS = 200;

/** @type {Map<number, () => Promise<HoldReport>>} */
const held = new Map();
let nextHandle = 1;

/**
 * Opens the connection and keeps talking over it; resolves with its handle when the first answer came, rejects where
 * there is none.
 * @param {Omit<HoldRequest, 'command'>} request
 * @returns {Promise<number>}
 */
export function hold(request) {
  const { everyMs, timeoutMs } = request;
  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    let sent = 0;
    let answers = 0;
    let lastAnswer = 0;
    let longestSilenceMs = 0;
    /** @type {string | null} */
    let ended = null;
    const deadline = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const open = request.protocol === 'TCP' ? openTcp : openUdp;
    const line = open(request, {
      onUp() {
        timer = setInterval(speak, everyMs);
        speak();
      },
      onAnswer(messages) {
        const isFirst = answers === 0;
        answers += messages;
        if (isFirst) {
          clearTimeout(deadline);
          resolve(keep());
        } else listen();
        lastAnswer = performance.now();
      },
      onEnd(why) {
        ended ??= why;
        clearInterval(timer);
        if (answers === 0) fail(why);
      },
    });

    function speak() {
      sent++;
      line.send();
    }

    function listen() {
      longestSilenceMs = Math.max(longestSilenceMs, performance.now() - lastAnswer);
    }

    /** @param {string} why */
    function fail(why) {
      clearTimeout(deadline);
      clearInterval(timer);
      line.close();
      reject(new Error(`${request.to} port ${request.port}: ${why}`));
    }

    function keep() {
      const handle = nextHandle++;
      held.set(handle, async () => {
        clearInterval(timer);
        listen(); // the silence until now counts too
        const soFar = { sent, longestSilenceMs, ended };
        await new Promise((after) => setTimeout(after, LAST_ANSWERS_MS));
        line.close();
        return { ...soFar, answers };
      });
      return handle;
    }
  });
}

/**
 * Ends a held connection and tells how it went.
 * @param {number} handle
 */
export function release(handle) {
  const report = held.get(handle);
  if (report === undefined) throw new Error(`nothing is held as ${handle}`);
  held.delete(handle);
  return report();
}

/**
 * @param {Omit<HoldRequest, 'command'>} request
 * @param {Listener} listener
 * @returns {Line}
 */
function openTcp({ from, sourcePort, to, port }, { onUp, onAnswer, onEnd }) {
  const socket = connect({
    host: to,
    port,
    ...(from === undefined ? {} : { localAddress: from }),
    ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
  });
  socket.setNoDelay(true);
  socket.on('connect', onUp);
  socket.on('data', (chunk) => onAnswer(chunk.length)); // a message is one byte
  socket.on('error', (error) => onEnd(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
  socket.on('close', () => onEnd('closed'));
  return {
    send: () => {
      if (socket.writable) socket.write('.');
    },
    close: () => socket.destroy(),
  };
}

/**
 * @param {Omit<HoldRequest, 'command'>} request
 * @param {Listener} listener
 * @returns {Line}
 */
function openUdp({ from, sourcePort, to, port }, { onUp, onAnswer, onEnd }) {
  const isV6 = to.includes(':');
  const socket = createSocket(isV6 ? 'udp6' : 'udp4');
  let isOpen = true;
  socket.on('message', () => onAnswer(1));
  socket.on('error', (error) => onEnd(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
  socket.on('connect', onUp);
  socket.bind({ address: from ?? (isV6 ? '::' : '0.0.0.0'), port: sourcePort ?? 0 }, () =>
    socket.connect(port, to),
  );
  return {
    send: () => {
      if (isOpen) socket.send('.', () => {});
    },
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}
