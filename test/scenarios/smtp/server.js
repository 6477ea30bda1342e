/**
 * An SMTP server for tests: listens on the ports of the command line, in both families, and prints a line of JSON for
 * each message that it accepts: `{"port", "client", "from", "to", "subject"}`. Ends when its standard input closes.
 */
import { SMTPServer } from 'smtp-server';

const ports = process.argv.slice(2).map(Number);

await Promise.all(ports.map(listen));
process.stdout.write(`${JSON.stringify({ listening: ports })}\n`);
process.stdin.resume().on('close', () => process.exit(0));

/** @param {number} port */
function listen(port) {
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      let text = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const message = {
          port,
          client: session.remoteAddress.replace(/^::ffff:/, ''),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          subject: /^Subject: (.*)$/im.exec(text)?.[1]?.trim() ?? '',
        };
        process.stdout.write(`${JSON.stringify(message)}\n`);
        done();
      });
    },
  });
  server.on('error', (error) => {
    process.stderr.write(`smtp server: ${error.message}\n`);
  });
  return new Promise((resolve) => {
    server.listen(port, '::', () => resolve(undefined));
  });
}
