import { isRecord, recordAt } from '../../base/json.ts';
import { familyOf } from '../../net/address.ts';
import { endpointAt, type PodBinding, portBehind } from '../../plan/entry.ts';

/**
 * The state in podnat-controller's form (docs/spec/pod-nat.md, "State"): a JSON object of lists of rules by
 * `ADDRESS:PORT`. IPv6 bindings are left out: the form has only IPv4, and they would break a podnat-controller after a
 * rollback. Pure: text in, text out.
 */

/** Names and order are those of the original's JSON. */
interface StateRule {
  readonly Protocol: string;
  readonly SourceIP: GoAddress;
  readonly SourcePort: number;
  readonly DestinationIP: GoAddress;
  readonly DestinationPort: number;
  /** RFC 3339: when the kernel last had it, as of the last write. */
  readonly LastVerified: string;
  /** RFC 3339: when it was first programmed. */
  readonly Created: string;
  readonly Comment: string;
}

interface GoAddress {
  readonly IP: string;
  readonly Zone: string;
}

/**
 * Creation times of a text's rules, by what they do. Invalid parts are ignored: a text that is empty, `null`, broken or
 * of another kind has no rules. Early releases have one rule instead of a list.
 */
function createdTimes(text: string | null): ReadonlyMap<string, string> {
  const rules = new Map<string, string>();
  for (const entry of Object.values(parsed(text) ?? {})) {
    for (const rule of (Array.isArray(entry) ? entry : [entry]) as unknown[]) {
      if (!isRecord(rule)) continue;
      const { Protocol, SourcePort, DestinationPort, Created, Comment } = rule;
      const [source, destination] = [recordAt(rule, 'SourceIP').IP, recordAt(rule, 'DestinationIP').IP];
      const key = [Protocol, source, SourcePort, destination, DestinationPort, Comment].join(' ');
      if (typeof Created === 'string' && RFC_3339.test(Created)) rules.set(key, Created);
    }
  }
  return rules;
}

/**
 * A binding in the text `before` keeps its creation time.
 *
 * @param at RFC 3339
 */
export function stateText(bindings: readonly PodBinding[], before: string | null, at: string): string {
  const created = createdTimes(before);
  const state: Record<string, StateRule[]> = {};
  for (const binding of portByPort(inOrder(bindings))) {
    const { tuple, endpoint, owner } = binding;
    const key = `${tuple.address}:${tuple.port}`;
    state[key] ??= [];
    state[key].push({
      Protocol: tuple.protocol.toLowerCase(),
      SourceIP: { IP: tuple.address, Zone: '' },
      SourcePort: tuple.port,
      DestinationIP: { IP: endpoint.address, Zone: '' },
      DestinationPort: endpoint.port,
      LastVerified: at,
      Created: created.get(ruleKey(binding)) ?? at,
      Comment: `${owner.namespace}:${owner.name}`,
    });
  }
  return JSON.stringify(state);
}

/** Maximum number of rules in a text; of further ranges only the first port is written. */
const MOST_RULES = 10_000;

/** The form has no ranges. */
function* portByPort(bindings: readonly PodBinding[]): Generator<PodBinding> {
  let left = MOST_RULES;
  for (const binding of bindings) {
    const count = binding.portCount <= left ? binding.portCount : 1;
    left -= count;
    for (let offset = 0; offset < count; offset++) {
      const tuple = { ...binding.tuple, port: portBehind(binding.tuple.port, offset) };
      yield { ...binding, tuple, endpoint: endpointAt(binding, tuple) };
    }
  }
}

/** Ignores the times of verification. No text is an empty state. */
export function isSameState(a: string | null, b: string | null): boolean {
  return timeless(a) === timeless(b);
}

function timeless(text: string | null): string {
  return (text ?? '{}').trim().replace(/"LastVerified":"[^"]*"/g, '"LastVerified":""');
}

/** time.Time's JSON form. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function ruleKey({ tuple, endpoint, owner }: PodBinding): string {
  const destination = `${endpoint.address} ${endpoint.port}`;
  const protocol = tuple.protocol.toLowerCase();
  return `${protocol} ${tuple.address} ${tuple.port} ${destination} ${owner.namespace}:${owner.name}`;
}

/** The bindings that the form supports, in an order that only depends on the content. */
function inOrder(bindings: readonly PodBinding[]): PodBinding[] {
  return bindings
    .filter(({ tuple }) => familyOf(tuple.address) === 'IPv4')
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
