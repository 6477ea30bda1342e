import { addressBytes, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { Interface, PassingPacket } from '../../netfilter/packet.ts';
import type { BaseChain, Effect, HookName, Part, Rule } from '../../netfilter/rule.ts';
import type { Truth } from '../../netfilter/truth.ts';
import {
  inverted as bits,
  type LegacyHook,
  type LegacyRule,
  type LegacyTable,
  type MaskedAddress,
  readLegacyTable,
} from '../../wire/xtables/table.ts';
import { legacyTables, PROGRAMS } from './iptables-program.ts';
import type { KernelHost } from './kernel-host.ts';
import { protocolText } from './ruleset/value-text.ts';
import { bang, inverted } from './ruleset/xt-basic.ts';
import { xtMatch } from './ruleset/xt-matches.ts';
import { type TargetHook, xtTarget } from './ruleset/xt-targets.ts';

/** `enum nf_ip_hook_priorities`, by table; `nat` has two. */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };
const NAT: Readonly<Partial<Record<LegacyHook, number>>> = {
  PREROUTING: -100,
  OUTPUT: -100,
  POSTROUTING: 100,
  INPUT: 100,
};

/** A table of legacy iptables; null instead of it: it is too large to be read. */
export interface LegacySource {
  readonly bases: readonly BaseChain[];
  /** In steps, one rule each; null: none are read. */
  rules(chain: string, end: TargetHook, into: Rule[]): Iterable<undefined> | null;
}

/** Legacy tables of the family, read from the kernel without any program. Throws Denied without rights. */
export function legacySources(family: Family, host: KernelHost, most: number): LegacySource[] {
  return legacyTables(family).flatMap((name) => {
    const priority = (hook: LegacyHook) => (name === 'nat' ? NAT[hook] : PRIORITIES[name]);
    const table = readLegacyTable(family, name);
    const title = `${name} of ${PROGRAMS[family].name}-legacy`;
    const isRead = table !== null && table.size <= most;
    const hooks: readonly LegacyHook[] = table === null ? ALL_HOOKS : [...table.policies.keys()];
    const bases = hooks.flatMap((hook): BaseChain[] => {
      const at = priority(hook);
      if (at === undefined) return [];
      return [
        {
          table: title,
          name: hook,
          type: name === 'nat' ? 'nat' : name === 'mangle' && hook === 'OUTPUT' ? 'route' : 'filter',
          hook: hook.toLowerCase() as HookName,
          priority: at,
          policyDrops: table?.policies.get(hook) === 'drop',
          age: null,
        },
      ];
    });
    const rules = (chain: string, end: TargetHook, into: Rule[]) =>
      isRead ? rulesOf(table, { title, chain, family, end, host }, into) : null;
    return [{ bases, rules }];
  });
}

const ALL_HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;

interface Context {
  readonly title: string;
  readonly chain: string;
  readonly family: Family;
  readonly end: TargetHook;
  readonly host: KernelHost;
}

function* rulesOf(table: LegacyTable, context: Context, into: Rule[]): Generator<undefined> {
  for (const rule of table.rules(context.chain)) {
    into.push(executable(rule, context));
    yield;
  }
}

function executable(rule: LegacyRule, { title, chain, family, end, host }: Context): Rule {
  const matches = rule.matches.map((match) => xtMatch(match, host));
  const header = headerOf(rule);
  const { text, effect } = targetOf(rule, family);
  const parts: Part[] =
    effect === null
      ? []
      : [
          ...[...header, ...matches].map(({ holds }): Part => ({ kind: 'if', holds })),
          { kind: 'do', effect: (packet) => (typeof effect === 'function' ? effect(packet, end) : effect) },
        ];
  const words = [...header.map((one) => one.text), ...matches.map((one) => one.text), text];
  return { table: title, chain, text: words.filter((word) => word !== '').join(' '), parts };
}

function targetOf(
  { target }: LegacyRule,
  family: Family,
): Pick<ReturnType<typeof xtTarget>, 'text' | 'effect'> {
  switch (target.kind) {
    case 'extension':
      return xtTarget(target, family);
    case 'none':
      return { text: '', effect: null };
    case 'jump':
    case 'goto':
      return {
        text: `-${target.kind === 'jump' ? 'j' : 'g'} ${target.chain}`,
        effect: target satisfies Effect,
      };
    default:
      return { text: `-j ${target.kind.toUpperCase()}`, effect: { kind: target.kind } };
  }
}

interface HeaderMatch {
  readonly text: string;
  holds(packet: PassingPacket): Truth;
}

/** What every entry asks: addresses, protocol, interfaces, fragments (ip_packet_match of ip_tables.c). */
function headerOf({
  source,
  destination,
  input,
  output,
  protocol,
  inverse,
  isForFragments,
}: LegacyRule): HeaderMatch[] {
  const isNot = (bit: number) => (inverse & bit) !== 0;
  return [
    ...addressMatch('-s', source, isNot(bits.source), (packet) => packet.source),
    ...addressMatch('-d', destination, isNot(bits.destination), (packet) => packet.destination),
    ...interfaceMatch('-i', input, isNot(bits.input), (packet) => packet.input),
    ...interfaceMatch('-o', output, isNot(bits.output), (packet) => packet.output),
    ...(protocol === 0
      ? []
      : [
          {
            text: `${bang(isNot(bits.protocol))}-p ${protocolText(protocol)}`,
            holds: (packet: PassingPacket) =>
              inverted(protocolNumber[packet.protocol] === protocol, isNot(bits.protocol)),
          },
        ]),
    ...(isForFragments
      ? [{ text: `${bang(isNot(bits.fragment))}-f`, holds: () => isNot(bits.fragment) }]
      : []),
  ];
}

function addressMatch(
  option: string,
  { address, bytes, mask }: MaskedAddress,
  isNegated: boolean,
  pick: (packet: PassingPacket) => IpAddress | null,
): HeaderMatch[] {
  const ones = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  if (ones === 0 && !isNegated) return [];
  const length = ones === mask.length * 8 ? '' : `/${ones}`;
  return [
    {
      text: `${bang(isNegated)}${option} ${address}${length}`,
      holds: (packet) => {
        const own = pick(packet);
        if (own === null) return 'the source address after translation';
        const isIn = addressBytes(own).every(
          (byte, at) => ((byte ^ (bytes[at] ?? 0)) & (mask[at] ?? 0)) === 0,
        );
        return inverted(isIn, isNegated);
      },
    },
  ];
}

function interfaceMatch(
  option: string,
  name: string,
  isNegated: boolean,
  pick: (packet: PassingPacket) => Interface | null | undefined,
): HeaderMatch[] {
  if (name === '') return [];
  const isIt = (own: string) => (name.endsWith('+') ? own.startsWith(name.slice(0, -1)) : own === name);
  return [
    {
      text: `${bang(isNegated)}${option} ${name}`,
      holds: (packet) => {
        const own = pick(packet);
        if (own === undefined) return 'the interface of the packet';
        return inverted(isIt(own?.name ?? ''), isNegated);
      },
    },
  ];
}
