import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { formatEndpoint, parseAddress } from '../../../src/net/address.ts';
import type { ServiceFrontend } from '../../../src/plan/entry.ts';
import { until } from '../../cluster/recorder.ts';
import type { World } from '../world.ts';

const run = promisify(execFile);

/** Milliseconds for the deletion of stale flows, which begins when the rules are in force. */
const PATIENCE = 10_000;

/** UDP flows of Services that go on to a pod which is no endpoint any more, as `conntrack -L` of the node shows them. */
export async function foundStaleFlows(world: World): Promise<string[]> {
  const look = async () => staleIn(await flows(), await frontends(world));
  const found = await look();
  if (found.length === 0) return [];
  return await until(look, (stale) => stale.length === 0, PATIENCE).catch(look);
}

async function frontends(world: World): Promise<ReadonlyMap<string, ServiceFrontend>> {
  const { plan } = await world.plan();
  const found = new Map<string, ServiceFrontend>();
  for (const entry of plan.entries()) {
    if (entry.kind !== 'ServiceFrontend' || entry.tuple.protocol !== 'UDP') continue;
    found.set(formatEndpoint(entry.tuple.address, entry.tuple.port), entry);
  }
  return found;
}

async function flows(): Promise<string[]> {
  const all = await Promise.all(
    ['ipv4', 'ipv6'].map((family) => run('conntrack', ['-L', '-f', family, '-p', 'udp'])),
  );
  return all.flatMap(({ stdout }) => stdout.split('\n'));
}

function staleIn(lines: readonly string[], all: ReadonlyMap<string, ServiceFrontend>): string[] {
  return lines
    .filter((line) => {
      const [destination, server] =
        [...line.matchAll(/(?:src|dst|sport|dport)=\S+/g)].length === 8 ? sides(line) : [];
      const frontend = all.get(destination ?? '');
      if (frontend === undefined || server === undefined) return false;
      const { endpoints, localEndpoints, retained } = frontend;
      const right = [...endpoints, ...(localEndpoints ?? []), ...retained];
      return !right.some(({ address, port }) => formatEndpoint(address, port) === server) && right.length > 0;
    })
    .map((line) => `a stale flow stays: ${line.trim()}`);
}

/** Where the client sent it, and who answers. */
function sides(line: string): [string, string] {
  const values = (key: string) =>
    [...line.matchAll(new RegExp(` ${key}=(\\S+)`, 'g'))].map(([, value]) => value ?? '');
  const destination = written(values('dst')[0], values('dport')[0]);
  return [destination, written(values('src')[1], values('sport')[1])];
}

function written(address = '', port = ''): string {
  const parsed = parseAddress(address);
  return parsed === null ? '' : `${parsed.includes(':') ? `[${parsed}]` : parsed}:${port}`;
}
