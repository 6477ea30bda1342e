/**
 * Runs in a node's namespace: whoever connects to the socket file reaches 127.0.0.1:PORT there. Files are shared between
 * network namespaces, addresses are not. Plain JavaScript, so that the same file runs from the sources and the build.
 * Ends when its standard input does.
 *
 *     node main.js SOCKET_FILE PORT
 */
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

const [, , file = '', port = ''] = process.argv;

const server = createServer((near) => {
  const far = connect({ host: '127.0.0.1', port: Number(port) });
  pipeline(near, far, () => {});
  pipeline(far, near, () => {});
});
server.listen(file, () => process.stdout.write('listening\n'));
process.stdin.resume();
process.stdin.on('end', () => process.exit());
