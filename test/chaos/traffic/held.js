import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

/** @import { Answer } from '../../../src/lab/probe-messages.ts' */
/** @import { Way } from './talker-messages.ts' */
/** @typedef {{ send(): void, close(): void }} Line */

/** Milliseconds until a message without an answer is sent again: UDP loses it with a link. */
const AGAIN = 100;

/** A connection that stays: every answer must come from the same endpoint, which must always see the same source. */
export class HeldConnection {
  /** @type {Way} */
  #way;
  /** @type {Line} */
  #line;
  /** What went wrong first; null: nothing. @type {string | null} */
  #wrong = null;
  /** @type {string | null} */
  #first = null;
  #answers = 0;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * Resolves with the first answer, rejects without one in five seconds.
   * @param {Way} way
   * @param {number} everyMs
   */
  static async open(way, everyMs) {
    const one = new HeldConnection(way);
    const wrong = await one.exchange(5000);
    if (wrong !== null) throw new Error(wrong);
    one.#timer = setInterval(() => one.#line.send(), everyMs);
    return one;
  }

  /** @param {Way} way */
  constructor(way) {
    this.#way = way;
    this.#line = way.protocol === 'TCP' ? this.#openTcp() : this.#openUdp();
  }

  /**
   * One more message. Null when everything was right until and with its answer, else what is wrong.
   * @param {number} timeoutMs
   * @returns {Promise<string | null>}
   */
  exchange(timeoutMs) {
    return new Promise((resolve) => {
      const before = this.#answers;
      const again = setInterval(() => this.#way.protocol === 'UDP' && this.#line.send(), AGAIN);
      const end = () => {
        clearInterval(again);
        clearTimeout(deadline);
        this.#waiting.delete(look);
        resolve(this.#wrong === null ? null : `${this.#way.key}: ${this.#wrong}`);
      };
      const look = () => {
        if (this.#answers > before || this.#wrong !== null) end();
      };
      const deadline = setTimeout(() => {
        this.#wrong ??= `no answer in ${timeoutMs} ms`;
        end();
      }, timeoutMs);
      this.#waiting.add(look);
      this.#line.send();
      look();
    });
  }

  close() {
    clearInterval(this.#timer);
    this.#line.close();
  }

  /** @param {string} text */
  #answered(text) {
    const { served, sawSource } = /** @type {Answer} */ (JSON.parse(text));
    const now = `${served} sees ${sawSource}`;
    this.#first ??= now;
    if (now !== this.#first) this.#ended(`first ${this.#first}, now ${now}`);
    this.#answers++;
    this.#tell();
  }

  /** @param {string} why */
  #ended(why) {
    this.#wrong ??= why;
    this.#tell();
  }

  #tell() {
    for (const look of [...this.#waiting]) look();
  }

  /** @returns {Line} */
  #openTcp() {
    const { source, address, port } = this.#way;
    const socket = connect({ host: address, port, localAddress: source });
    let text = '';
    let isClosing = false;
    socket.setNoDelay(true).setEncoding('utf8');
    socket.on('data', (chunk) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#answered(line);
    });
    socket.on('error', (error) =>
      this.#ended(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message),
    );
    socket.on('close', () => isClosing || this.#ended('closed'));
    return {
      send: () => {
        if (socket.writable) socket.write('.');
      },
      close: () => {
        isClosing = true;
        socket.destroy();
      },
    };
  }

  /** @returns {Line} */
  #openUdp() {
    const { source, address, port } = this.#way;
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    let isConnected = false;
    let isClosed = false;
    const send = () => {
      if (isConnected && !isClosed) socket.send('.', () => {});
    };
    socket.on('message', (message) => this.#answered(message.toString()));
    // ECONNREFUSED tells of one datagram; whether the flow works is what the next answer shows.
    socket.on('error', () => {});
    socket.on('connect', () => {
      isConnected = true;
      send();
    });
    socket.bind({ address: source, port: 0 }, () => socket.connect(port, address));
    return {
      send,
      close: () => {
        isClosed = true;
        socket.close();
      },
    };
  }
}
