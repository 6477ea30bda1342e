import { z } from '@hono/zod-openapi';
import { flag, form, list, owner, text, textOrNull, texts } from './form.ts';
import { instant } from './instant.ts';

/** The answer of explain. Keys are only ever added. */

const packet = {
  source: text.openapi({ description: 'an address; `node`: one of the node, which routing chooses' }),
  destination: text,
  protocol: text,
  port: z.int(),
};

const packetState = form(packet);
export type WalkPacket = z.output<typeof packetState>;

const step = form({
  hook: text,
  rule: text,
  object: owner,
  verdict: text,
  decides: flag.openapi({ description: 'false: a rule that was asked and does not match this packet' }),
  reason: text,
  before: packetState,
  after: list(packetState),
});
export type WalkStep = z.output<typeof step>;

const ends = form({ from: text, to: text });

const path = form({
  endpoint: text,
  snat: textOrNull,
  snatPort: z
    .union([z.int(), z.literal('free')])
    .nullable()
    .openapi({ description: 'the new source port; free: a random one without an owner' }),
  steps: list(step),
  after: packetState,
  reply: form({ sent: ends, seen: ends, returns: z.enum(['not-needed', 'certain', 'routing']) }),
});
export type WalkPath = z.output<typeof path>;

const connectionEnds = form({ source: text, destination: text });

const existingFlow = form({
  original: connectionEnds,
  reply: connectionEnds,
  timeoutSeconds: z.number().nullable(),
  direction: z
    .enum(['original', 'reply'])
    .openapi({ description: 'the packet goes the way of the first packet, or is a reply' }),
  asPlanned: flag.openapi({ description: 'a new connection would be translated alike' }),
});

/** As text: an existing connection to which the packet belongs. */
export type ExistingFlowJson = z.output<typeof existingFlow>;

export const verdict = z.enum(['dnat', 'snat', 'none', 'drop', 'reject']);

const foreignRule = form({
  program: textOrNull.openapi({ description: 'the program that names chains like this; null: unknown' }),
  table: text.openapi({ description: '`table ip nat`; `nat of iptables-legacy`' }),
  chain: text,
  text: text.openapi({
    description: 'the rule as nft or iptables would print it, or the policy of the chain',
  }),
});

const wayEnd = form({
  fate: z.enum(['sent', 'delivered', 'dropped', 'rejected', 'unknown']),
  because: text,
  by: foreignRule.nullable().openapi({ description: 'the rule of another program that ended the way' }),
  output: textOrNull.openapi({ description: 'the interface by which the packet leaves' }),
  endpoint: textOrNull.openapi({ description: 'the endpoint that knat chose' }),
  after: packetState.openapi({ description: 'the packet at the end; port 0: not known' }),
  rules: list(form({ hook: text, rule: foreignRule, effect: text, after: packetState })).openapi({
    description: 'rules of other programs that changed or ended the way',
  }),
  assumes: list(form({ rule: foreignRule, dependsOn: text })).openapi({
    description: 'undecided rules that match on this way; empty: the way if none of them matches',
  }),
});

/** The whole way of a packet on its node. */
const way = form({
  verdict: z.enum(['dnat', 'snat', 'none', 'drop', 'reject', 'depends']).openapi({
    description: 'what the packet gets; `depends`: not the same on every way',
  }),
  input: form({ interface: text, assumed: flag }).nullable(),
  ends: list(wayEnd),
  limits: texts.openapi({ description: 'what could not be examined' }),
});

const fate = {
  verdict,
  endpoints: texts.openapi({
    description: 'with dnat: all endpoints that may be chosen, sorted; `[fd00::7]:8080`',
  }),
  masq: flag.openapi({ description: 'the source is rewritten for at least one of the endpoints' }),
  snat: textOrNull.openapi({ description: 'the new source address; `node`: an address of the node' }),
};

const because = text.openapi({ description: 'the objects and rules that decided' });

const branch = form({
  condition: text.openapi({ example: 'node n1 bears 203.0.113.9' }),
  bears: texts.openapi({ description: 'addresses that no object says the node has' }),
  ...fate,
  because,
});
/** What becomes of the packet in another case than the one that is explained. */
export type BranchJson = z.output<typeof branch>;

/** `knat explain -o json` and `/explain`. */
export const walk = form({
  node: text,
  packet: form({
    ...packet,
    sourcePort: z.int().nullable(),
    inputInterface: textOrNull,
    icmp: textOrNull.openapi({ description: 'kind of ICMP, such as echo-request; its port is 0' }),
    inner: form({
      protocol: text,
      source: text,
      sourcePort: z.int(),
      destination: text,
      port: z.int(),
    })
      .nullable()
      .openapi({ description: 'the packet that an ICMP error is about, as its reporter saw it' }),
  }),
  verdict,
  steps: list(step),
  paths: list(path),
  conflicts: list(form({ key: text, winner: text, losers: texts, because: text })),
  existing: list(existingFlow).nullable().openapi({
    description:
      'existing connections to which the packet belongs; they keep their translation; null: not known',
  }),
  branches: list(branch).openapi({
    description:
      'from manifests or a cluster: what becomes of the packet if the node bears further addresses',
  }),
  unknown: list(form({ about: text, reason: text })),
  way: way.nullable().openapi({
    description:
      'the way through the kernel, with rules of other programs and routing; null: not on the node',
  }),
  hints: list(form({ about: text, object: owner, reason: text })).openapi({
    description: 'objects that almost match: another port, a pod that is not ready',
  }),
  at: instant.optional().openapi({ description: 'with `at`: the moment that the answer is about' }),
}).openapi('Walk');
export type WalkJson = z.output<typeof walk>;

const span = form({ text, tone: z.enum(['plain', 'dim', 'good', 'bad', 'strong']) });

/** Part of a terminal line; the tone is its meaning. */
export type Span = z.output<typeof span>;

const line = list(span);
export type Line = z.output<typeof line>;

export const lines = list(line).openapi('Lines');

/** Answer to what a place may be called: at most 100, whole or up to a `/`. */
export const places = form({ places: texts });

/** What becomes of a packet. `masq` and `snat` as in `FlowAnswer`. */
export const packetFate = form(fate);
export type PacketFate = z.output<typeof packetFate>;

const flowAnswer = form({
  ...fate,
  because,
});

/**
 * Answer of `knat explain --flows` for a flow. `masq` counts as in kube-proxy's tests: a packet that may return to its
 * sender (hairpin) is masqueraded. `snat` is null if the endpoints differ in it.
 */
export type FlowAnswer = z.output<typeof flowAnswer>;

/**
 * `knat explain --flows FILE -o json`: an answer for each flow, in their order.
 * @internal used by tests alone
 */
export const flowAnswers = list(flowAnswer);
