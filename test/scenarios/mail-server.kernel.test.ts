/**
 * examples/mail-server unchanged, with the real agent and real SMTP: mail comes in and goes out by one address, and no
 * other address is rewritten. It needs the build in dist/.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess } from '../../src/demo/agent-process.ts';
import { lanAddress, NETWORK_BITS } from '../../src/lab/address-plan.ts';
import { Cluster } from '../../src/lab/cluster.ts';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { MailServer } from './smtp/mail-server.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/mail-server/', import.meta.url));
const SEND = fileURLToPath(new URL('smtp/send.js', import.meta.url));

/** The address of the binding; no other pod uses it. */
const MAIL = lanAddress(25);
const FAMILIES = ['IPv4', 'IPv6'] as const;
const PORTS = { smtp: 25, imap: 143, submission: 587 } as const;

let lab: Lab;
let cluster: Cluster;
let agent: AgentProcess;
let logs: string;
let inside: MailServer;
let outside: MailServer;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  logs = mkdtempSync(join(tmpdir(), 'knat-mail-'));
  cluster = await Cluster.build(lab, {
    nodes: { node1: ['mail', 'desk'] },
    outside: ['outside'],
  });
  const node = cluster.node('node1').host;
  await node.ip(
    FAMILIES.map((family) => {
      const late = family === 'IPv6' ? ' nodad preferred_lft 0' : '';
      return `address add ${MAIL[family]}/${NETWORK_BITS[family]} dev eth0${late}`;
    }),
  );
  agent = new AgentProcess(node, EXAMPLE, join(logs, 'agent.log'));
  [inside, outside] = await Promise.all([
    MailServer.start(cluster.host('mail').host, [PORTS.smtp, PORTS.submission]),
    MailServer.start(cluster.host('outside').host, [PORTS.smtp]),
    cluster.host('mail').host.probe().serve({ protocol: 'TCP', port: PORTS.imap, name: 'imap' }),
    agent.ready(),
  ]);
});

afterAll(() => {
  agent?.kill();
  lab?.dispose();
  if (logs !== undefined) rmSync(logs, { recursive: true, force: true });
});

describe.each(FAMILIES)('%s', (family) => {
  test.each(['smtp', 'submission'] as const)(
    'mail comes in by %s, with the address of the sender',
    async (service) => {
      const sender = cluster.host('outside');
      const subject = `in by ${service}, ${family}`;
      await send(sender.host, MAIL[family], PORTS[service], subject);
      expect(await inside.received(subject)).toMatchObject({
        port: PORTS[service],
        client: sender.addresses[family],
        from: 'postmaster@sender.example',
        to: ['postmaster@receiver.example'],
      });
    },
  );

  test('IMAP reaches the pod, and other ports of the address do not', async () => {
    const { host, addresses } = cluster.host('outside');
    const dial = { from: addresses[family], to: MAIL[family], protocol: 'TCP' } as const;
    const answer = await host.probe().dial({ ...dial, port: PORTS.imap });
    expect(answer).toMatchObject({ outcome: 'answered', by: 'imap' });
    expect(answer).toHaveProperty('sawSource', expect.stringContaining(addresses[family]));
    expect(await host.probe().dial({ ...dial, port: 110 })).toMatchObject({ outcome: 'refused' });
  });

  test('mail goes out with the address that it came in by', async () => {
    const subject = `out of the pod, ${family}`;
    await send(cluster.host('mail').host, cluster.host('outside').addresses[family], PORTS.smtp, subject);
    expect(await outside.received(subject)).toMatchObject({ client: MAIL[family] });
  });

  test('the other pods leave with the address of the node', async () => {
    const subject = `out of another pod, ${family}`;
    await send(cluster.host('desk').host, cluster.host('outside').addresses[family], PORTS.smtp, subject);
    expect(await outside.received(subject)).toMatchObject({
      client: cluster.node('node1').addresses[family],
    });
  });

  test('a pod of the cluster mails the server by its public address', async () => {
    const subject = `from a neighbour, ${family}`;
    await send(cluster.host('desk').host, MAIL[family], PORTS.smtp, subject);
    expect(await inside.received(subject)).toMatchObject({ port: PORTS.smtp });
  });

  test('the server mails itself by its public address', async () => {
    const subject = `from itself, ${family}`;
    await send(cluster.host('mail').host, MAIL[family], PORTS.smtp, subject);
    expect(await inside.received(subject)).toMatchObject({ port: PORTS.smtp });
  });
});

async function send(from: Host, to: string, port: number, subject: string): Promise<void> {
  await from.run([process.execPath, SEND, to, String(port), subject]);
}
