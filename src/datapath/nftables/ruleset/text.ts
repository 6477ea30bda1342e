/** The ruleset in nft's words: for people, for the documents, and for the test that compares it with netlink.ts. */
import type { Family } from '../../../net/family.ts';
import type { Verdict } from '../../../wire/nftables/element.ts';
import type { ChainNode, NatFlag, RuleNode, SetNode, Statement, TableNode, Value } from './nodes.ts';
import { fieldsOf } from './values.ts';

/** The words in which nft speaks of a family. */
export const nftFamily = { IPv4: 'ip', IPv6: 'ip6' } as const satisfies Record<Family, string>;

/**
 * The table with this name, as `nft -f` takes it. What nft has no words for is a comment of the text.
 * @internal used by tests alone
 */
export function tableText(
  table: TableNode,
  name: string,
  options: { readonly dormant?: boolean } = {},
): string {
  const lines = [`table ${nftFamily[table.family]} ${name} {`, `  comment ${JSON.stringify(table.comment)}`];
  if (options.dormant === true) lines.push('  flags dormant');
  lines.push(...table.sets.map((set) => `  ${setText(set)}`));
  for (const chain of table.chains) lines.push('', ...chainLines(chain).map((line) => `  ${line}`));
  return [...lines, '}', ''].join('\n');
}

/** `map many { typeof ip daddr . meta l4proto . th dport : verdict; comment "…"; }` */
export function setText({ name, key, data, interval, intervalData, dynamicSize, comment }: SetNode): string {
  const value =
    data === null
      ? ''
      : ` : ${intervalData ? 'interval ' : ''}${data === 'verdict' ? data : valueText(data)}`;
  const parts = [`typeof ${valueText(key)}${value}`];
  if (interval) parts.push('flags interval');
  if (dynamicSize !== null) parts.push('flags dynamic,timeout', `size ${dynamicSize}`);
  parts.push(`comment ${JSON.stringify(comment)}`);
  return `${data === null ? 'set' : 'map'} ${name} { ${parts.map((part) => `${part}; `).join('')}}`;
}

function chainLines({ name, comment, base, rules }: ChainNode): string[] {
  const lines = [`chain ${name} {`];
  if (base !== null) {
    lines.push(`  type ${base.type} hook ${base.hook} priority ${base.priority}; policy accept;`);
  }
  if (comment !== null) lines.push(`  comment ${JSON.stringify(comment)}`);
  return [...lines, ...rules.map((rule) => `  ${ruleText(rule)}`), '}'];
}

export function ruleText({ statements, comment }: RuleNode): string {
  const text = statements.map(statementText).join(' ');
  const whole = statements.some(hasNoText) ? `# ${text}` : text;
  return comment === null ? whole : `${whole} comment ${JSON.stringify(comment)}`;
}

/** The kernel can do it, nft has no words for it. */
function hasNoText(statement: Statement): boolean {
  if (statement.kind === 'affinity') return true;
  if (statement.kind === 'match') return statement.value.kind === 'lookup';
  if (statement.kind === 'nat') return statement.flags.includes('port-offset') || statement.ports !== null;
  if (statement.kind === 'member') return statement.key.kind === 'overlay' || statement.guard !== null;
  if (statement.kind === 'vmap') return statement.through !== null;
  if (statement.kind !== 'masquerade') return false;
  return statement.flags.includes('port-offset') || statement.ports !== null;
}

function statementText(statement: Statement): string {
  switch (statement.kind) {
    case 'match': {
      const operator = statement.operator === '==' ? '' : '!= ';
      return `${valueText(statement.value)} ${operator}${statement.text}`;
    }
    case 'network': {
      const { address, prefix, negated } = statement;
      const { address: text, length } = prefix;
      const isHost = length === address.length * 8;
      return `${address.text} ${negated ? '!= ' : ''}${text}${isHost ? '' : `/${length}`}`;
    }
    case 'bit':
      return `${valueText(statement.value)} ${statement.isSet ? '' : '! '}${statement.text}`;
    case 'masked':
      return `${statement.value.text} ${statement.operator === '==' ? '' : '!= '}${statement.text}`;
    case 'notrack':
      return 'notrack';
    case 'member': {
      const { key, set, negated, guard } = statement;
      const [first] = fieldsOf(key);
      const before = guard === null || first === undefined ? '' : `${valueText(first)} @${guard.name} `;
      return `${before}${valueText(key)} ${negated ? '!= ' : ''}@${set.name}`;
    }
    case 'vmap': {
      const { key, through, map } = statement;
      return `${valueText(key)}${through === null ? '' : ` map @${through.name}`} vmap @${map.name}`;
    }
    case 'verdict':
      return verdictText(statement.verdict);
    case 'nat': {
      const { type, family, to, ports, flags } = statement;
      const range = ports === null ? '' : ` : ${valueText(ports)}`;
      return `${type} ${nftFamily[family]} to ${valueText(to)}${range}${flagsText(flags)}`;
    }
    case 'masquerade':
      return `masquerade${statement.ports === null ? '' : ` to :${valueText(statement.ports)}`}${flagsText(statement.flags)}`;
    case 'reject':
      if (statement.with === 'tcp reset') return 'reject with tcp reset';
      return statement.with === 'no protocol' && statement.family === 'IPv4'
        ? 'reject with icmp prot-unreachable'
        : 'reject';
    case 'dynset': {
      const { operation, set, key, data, timeout } = statement;
      const lives = timeout === null ? '' : ` timeout ${timeout}s`;
      const value = data === null ? '' : ` : ${valueText(data)}`;
      return `${operation} @${set.name} { ${valueText(key)}${lives}${value} }`;
    }
    case 'affinity':
      return affinityText(statement);
    default:
      return statement satisfies never;
  }
}

/** As if nft had words for it; `id` is what the first part says. */
function affinityText(statement: Extract<Statement, { kind: 'affinity' }>): string {
  const { family, frontend, client, clients, draw, keep, set, remember, endpoints } = statement;
  const found =
    draw === null
      ? `${valueText(client)} map @${clients.name}`
      : `${valueText(frontend)} . ${valueText(draw.slot)} map @${draw.ids.name}`;
  const kept = keep === 0xffff_ffff ? '' : ` & 0x${keep.toString(16)}`;
  const parts = [`id = ${found}${kept}${set === 0 ? '' : ` | 0x${set.toString(16)}`};`];
  if (remember !== null) {
    const { operation, timeout } = remember;
    parts.push(`${operation} @${clients.name} { ${valueText(client)} timeout ${timeout}s : id };`);
  }
  if (endpoints !== null) {
    parts.push(`dnat ${nftFamily[family]} to ${valueText(frontend)} . id map @${endpoints.name}`);
  }
  return parts.join(' ');
}

function flagsText(flags: readonly NatFlag[]): string {
  return flags.map((flag) => ` ${flag}`).join('');
}

export function verdictText({ code, chain }: Verdict): string {
  return chain === undefined ? String(code) : `${code} ${chain}`;
}

export function valueText(value: Value): string {
  switch (value.kind) {
    case 'load':
      return value.text;
    case 'jhash':
      return `jhash ${value.of.map(valueText).join(' . ')} mod ${value.modulus} seed ${value.seed}`;
    case 'concat':
      return value.fields.map(valueText).join(' . ');
    case 'overlay':
      return `${valueText(value.base)} with ${valueText(value.end)}`;
    case 'lookup':
      return `${valueText(value.key)} map @${value.map.name}`;
    default:
      return value satisfies never;
  }
}
