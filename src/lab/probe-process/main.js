/**
 * The probe: runs inside a host of the lab, listens and dials there. It is controlled as `../probe-messages.ts`
 * says, and ends when its standard input does.
 *
 * Plain JavaScript with types in comments: Node.js runs this very file, from the sources and from the build.
 */
import { createInterface } from 'node:readline';
import { dial } from './dial.js';
import { dialMany } from './dial-many.js';
import { hold, release } from './hold.js';
import { serve, silence } from './serve.js';

/** @import { Reply, Request } from '../probe-messages.ts' */

/** @param {Request} request */
function carryOut(request) {
  switch (request.command) {
    case 'serve':
      return serve(request);
    case 'silence':
      return silence();
    case 'dial':
      return dial(request);
    case 'dialMany':
      return dialMany(request);
    case 'hold':
      return hold(request);
    case 'release':
      return release(request.handle);
  }
}

/** @param {Reply} reply */
function say(reply) {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

/** @param {string} line */
async function onLine(line) {
  const { id, ...request } = /** @type {Request & { id: number }} */ (JSON.parse(line));
  try {
    say({ id, value: await carryOut(/** @type {Request} */ (request)) });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

createInterface({ input: process.stdin })
  .on('line', onLine)
  .on('close', () => process.exit(0));
