import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nft } from '../netns/namespace.ts';

const run = promisify(execFile);

/** Rules of another program: no agent may touch them. They match no packet of ours. */
const RULES = `
table inet neighbour {
  set friends { type ipv4_addr; flags interval; elements = { 198.18.7.0/24, 198.18.9.1 }; }
  map doors { type inet_service : verdict; elements = { 4711 : accept, 4712 : drop }; }
  chain input { type filter hook input priority 5; policy accept; ip saddr @friends tcp dport vmap @doors; }
  chain forward { type filter hook forward priority 5; policy accept; ip daddr 198.18.7.7 drop; }
}
table ip neighbour_nat {
  chain prerouting { type nat hook prerouting priority -90; policy accept; ip daddr 198.18.7.8 dnat to 198.18.7.9; }
  chain postrouting { type nat hook postrouting priority 110; policy accept; ip saddr 198.18.7.9 masquerade; }
}
table ip6 neighbour_nat {
  chain prerouting { type nat hook prerouting priority -90; policy accept; ip6 daddr 2001:db8:77::8 dnat to 2001:db8:77::9; }
  chain postrouting { type nat hook postrouting priority 110; policy accept; ip6 saddr 2001:db8:77::9 masquerade; }
}`;
const LEGACY = {
  'iptables-legacy': 'POSTROUTING -t nat -s 198.18.7.10 -j MASQUERADE',
  'ip6tables-legacy': 'POSTROUTING -t nat -s 2001:db8:77::10 -j MASQUERADE',
} as const;
const TABLES = ['inet neighbour', 'ip neighbour_nat', 'ip6 neighbour_nat'] as const;
const OURS = ['ip knat', 'ip6 knat'] as const;
const LIST = ['list tables', ...TABLES.map((table) => `list table ${table}`)].join('\n');

/** The other program. */
export class ForeignRules {
  #text = '';

  async load(): Promise<void> {
    // While no NAT rule at all exists, the kernel does not translate established connections either. One of legacy iptables
    // outlasts `nft flush ruleset`.
    await Promise.all(Object.entries(LEGACY).map(([iptables, words]) => keepRule(iptables, words)));
    nft(RULES);
    this.#text = (await listed()).text;
  }

  /** One text for each thing that is not as it was loaded, and for each table that nobody should have. */
  async problems(): Promise<string[]> {
    const { tables, text } = await listed();
    const strangers = tables.filter((table) => ![...TABLES, ...OURS].some((known) => known === table));
    return [
      ...strangers.map((table) => `table ${table} is left over`),
      ...(text === this.#text ? [] : [`rules of another program changed:\n${text}`]),
    ];
  }
}

async function keepRule(iptables: string, words: string): Promise<void> {
  const rule = words.split(' ');
  await run(iptables, ['-C', ...rule]).catch(() => run(iptables, ['-A', ...rule]));
}

/** The names of all tables, and the foreign ones with their content. */
async function listed(): Promise<{ tables: readonly string[]; text: string }> {
  const child = run('nft', ['-s', '-f', '-']);
  child.child.stdin?.end(LIST);
  const { stdout } = await child.catch((error: { stderr?: string }) => ({ stdout: error.stderr ?? '' }));
  const lines = stdout.split('\n');
  const isName = (line: string) => /^table \S+ \S+$/.test(line);
  return {
    tables: lines.filter(isName).map((line) => line.slice('table '.length)),
    text: lines.filter((line) => !isName(line)).join('\n'),
  };
}
