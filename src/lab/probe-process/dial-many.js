import { dial } from './dial.js';
import { addressIn } from './endpoint.js';

/** @import { DialManyRequest, DialTally } from '../probe-messages.ts' */

/**
 * Rejects as soon as one dial does.
 * @param {DialManyRequest} request
 * @returns {Promise<DialTally>}
 */
export async function dialMany({ dial: each, count, atOnce }) {
  /** @type {Record<string, number>} */
  const answeredBy = {};
  const sawSources = new Set();
  const others = { refused: 0, timeout: 0, unreachable: 0 };
  let started = 0;

  async function dialInTurn() {
    while (started < count) {
      started++;
      const end = await dial(each);
      if (end.outcome === 'answered') {
        answeredBy[end.by] = (answeredBy[end.by] ?? 0) + 1;
        sawSources.add(addressIn(end.sawSource));
      } else others[end.outcome]++;
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, dialInTurn));
  return { answeredBy, sawSources: [...sawSources].sort(), ...others };
}
