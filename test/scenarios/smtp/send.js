/** Sends one mail by SMTP: `send.js HOST PORT SUBJECT`. Exits 0 when the server took it. */
import { createTransport } from 'nodemailer';

const [host, port, subject] = process.argv.slice(2);
const timeouts = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 5_000 };
const transport = createTransport({ host, port: Number(port), secure: false, ignoreTLS: true, ...timeouts });
const mail = { from: 'postmaster@sender.example', to: 'postmaster@receiver.example', subject, text: 'hello' };
await transport.sendMail(mail);
transport.close();
