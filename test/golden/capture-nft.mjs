#!/usr/bin/env node
/**
 * Captures what nft sends to the kernel, for src/wire/nftables/golden.test.ts:
 *
 *     sudo test/golden/capture-nft.mjs > test/golden/nft-elements.golden.json
 *
 * Each script below runs in a fresh network namespace as `nft --debug=mnl -f -`, which prints every message that is
 * sent; of those, the messages that change elements are kept. The dump shows the four flags that libmnl knows by letter
 * and no others, so flags are not captured. Run it again when nft changes; the file names the version.
 */
import { execFileSync } from 'node:child_process';

const scripts = {
  'data map of a concatenation with a slot': [
    'table ip knat {',
    '  map m {',
    '    typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport',
    '    elements = { 10.96.0.1 . tcp . 80 . 0 : 10.1.0.1 . 8080, 10.96.0.1 . tcp . 80 . 1 : 10.1.0.2 . 8080 }',
    '  }',
    '}',
  ],
  'verdict map': [
    'table ip knat {',
    '  chain web { }',
    '  map m {',
    '    type ipv4_addr . inet_proto . inet_service : verdict',
    '    elements = { 10.96.0.1 . tcp . 80 comment "shop/web" : goto web, 10.96.0.2 . udp . 53 : drop,',
    '                 10.96.0.3 . tcp . 1 : jump web, 10.96.0.4 . tcp . 1 : accept, 10.96.0.5 . tcp . 1 : return }',
    '  }',
    '}',
  ],
  'interval set of IPv6': [
    'table ip6 knat {',
    '  set s {',
    '    type ipv6_addr; flags interval',
    '    elements = { 2001:db8:1::/48, 2001:db8:2::7 }',
    '  }',
    '}',
  ],
  'interval set of a concatenation': [
    'table inet knat {',
    '  set s {',
    '    type ipv4_addr . inet_service; flags interval',
    '    elements = { 10.0.0.0/8 . 80, 192.168.0.1 . 1000-2000 }',
    '  }',
    '}',
  ],
  'timeouts and the element that matches what no other does': [
    'table ip knat {',
    '  set s { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 90s comment "soon" }; }',
    '  map c { type ipv4_addr : ipv4_addr; elements = { * : 10.0.0.9 }; }',
    '}',
  ],
};

const NFT_MSG_NEWSETELEM = (10 << 8) | 12;
/** libmnl colours attribute headers. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/**
 * The payloads, as hexadecimal digits, of the messages of this type in libmnl's dump.
 *
 * @param {string} dump
 * @param {number} wanted
 */
function payloads(dump, wanted) {
  /** @type {number[][]} */
  const found = [];
  /** @type {number[] | null} */
  let bytes = null;
  for (const line of dump.replaceAll(COLOUR, '').split('\n')) {
    const type = /^\|\s*(\d+) \| .... \|\t\|\s+type \| flags/.exec(line);
    const attribute = /^\|(\d+)\|(.)(.)\|(\d+)\|\t\|len/.exec(line);
    const data = /^\| ((?:[0-9a-f]{2} ){4}) ?\|\t\|\s+(?:data|extra header)/.exec(line);
    if (line.includes('| message length |')) bytes = null;
    else if (type !== null && Number(type[1]) === wanted) {
      bytes = [];
      found.push(bytes);
    } else if (bytes !== null && attribute !== null) {
      const header = Buffer.alloc(4);
      header.writeUInt16LE(Number(attribute[1]), 0);
      const flags = (attribute[2] === 'N' ? 0x8000 : 0) | (attribute[3] === 'B' ? 0x4000 : 0);
      header.writeUInt16LE(Number(attribute[4]) | flags, 2);
      bytes.push(...header);
    } else if (bytes !== null && data !== null)
      bytes.push(...Buffer.from((data[1] ?? '').replaceAll(' ', ''), 'hex'));
  }
  return found.map((one) => Buffer.from(one).toString('hex'));
}

const cases = Object.entries(scripts).map(([name, lines]) => {
  const script = `${lines.join('\n')}\n`;
  const dump = execFileSync('unshare', ['-n', 'nft', '--debug=mnl', '-f', '-'], {
    input: script,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return { name, script: lines, payloads: payloads(dump, NFT_MSG_NEWSETELEM) };
});
const nft = execFileSync('nft', ['--version'], { encoding: 'utf8' }).trim();
process.stdout.write(`${JSON.stringify({ nft, cases }, null, 2)}\n`);
