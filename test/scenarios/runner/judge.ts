import { isDeepStrictEqual } from 'node:util';
import { type Fate, judge, type Mismatch } from '../../../src/explain/expectation.ts';
import { formatRef } from '../../../src/model/object.ts';
import { familyOf, parseAddress } from '../../../src/net/address.ts';
import { canonicalPlan } from '../../../src/plan/canonical.ts';
import { conflictFindings } from '../../../src/plan/claims.ts';
import type { Packet, Step, WrittenEntry } from './scenario.ts';
import type { World } from './world.ts';

/** A difference from the scenario's expectations. */
export interface Failure {
  /** `FILE:LINE`. */
  readonly origin: string;
  /** The step, and the packet where it is about one. */
  readonly about: string;
  readonly message: string;
}

/** `FILE:LINE: step 2: from pod/shop/web …: verdict: expected dnat, is drop`. */
export function formatFailure({ origin, about, message }: Failure): string {
  return `${origin}: ${about}: ${message}`;
}

/** Findings and entries in which the plan of the step differs from the expectations. */
export function planFailures(world: World, step: Step): Failure[] {
  const entries: readonly Readonly<Record<string, unknown>>[] = canonicalPlan(world.planner.plan);
  const fits = ({ keys }: WrittenEntry) =>
    entries.filter((entry) =>
      Object.entries(keys).every(([key, value]) => isDeepStrictEqual(entry[key], value)),
    );
  const failure = (origin: string, message: string) => ({ origin, about: step.name, message });
  return [
    ...findingFailures(world, step),
    ...step.entries
      .filter((wanted) => fits(wanted).length === 0)
      .map(({ keys, origin }) => {
        const same = entries.filter(({ kind, key }) => kind === keys.kind || key === keys.key);
        const near = same.slice(0, 3).map((entry) => JSON.stringify(entry));
        return failure(
          origin,
          `entries: no entry has ${JSON.stringify(keys)}; there ${near.length === 0 ? 'is none of its kind' : `is ${near.join(', ')}`}`,
        );
      }),
    ...step.noEntries.flatMap((unwanted) =>
      fits(unwanted)
        .slice(0, 1)
        .map((entry) => failure(unwanted.origin, `noEntries: there is ${JSON.stringify(entry)}`)),
    ),
  ];
}

/** Every finding is expected, and every expected one is there. */
function findingFailures(world: World, step: Step): Failure[] {
  const { plan } = world.planner;
  const found: { code: string; object: string; message: string; origin: string }[] = [
    ...world.problems.map(({ code, object, message, origin }) => {
      return { code, object: object === null ? '' : formatRef(object), message, origin };
    }),
    ...[...plan.notices(), ...[...plan.conflicts.values()].flatMap(conflictFindings)].map(
      ({ code, object, message }) => ({ code, object: formatRef(object), message, origin: step.origin }),
    ),
  ];
  const isMeant = (expected: Step['findings'][number], one: (typeof found)[number]) =>
    expected.code === one.code && (expected.object ?? one.object) === one.object;
  const missing = step.findings.filter((expected) => !found.some((one) => isMeant(expected, one)));
  const surplus = found.filter((one) => !step.findings.some((expected) => isMeant(expected, one)));
  const all = [...new Set(found.map(({ code, object }) => `${code} of ${object}`))].join(', ') || 'none';
  return [
    ...missing.map(({ origin, code, object }) => {
      const what = object === undefined ? code : `${code} of ${object}`;
      return { origin, about: step.name, message: `findings: expected ${what}, found ${all}` };
    }),
    ...surplus.map(({ origin, code, object, message }) => {
      return {
        origin,
        about: step.name,
        message: `findings: ${code} of ${object} is not expected: ${message}`,
      };
    }),
  ];
}

/** The result of a packet, in the words of a scenario. */
export interface SeenFate extends Fate {
  readonly masquerade: boolean;
  /** One client always reaches the same one of several. */
  readonly sticks: boolean;
  /** Source ports that other ends see; `free`: one without an owner. Null: not known. */
  readonly ports: readonly (number | 'same' | 'free')[] | null;
}

/** The differences between the packet's result and the expectations. */
export function packetFailures(world: World, step: Step, packet: Packet, fate: SeenFate): Failure[] {
  const failure = (message: string): Failure => ({
    origin: packet.origin,
    about: aboutOf(step, packet),
    message,
  });
  const judgement = judge({ ...packet, as: sourceOf(packet, fate) }, fate, world.planner);
  if (typeof judgement === 'string') return [failure(judgement)];
  return [...judgement.mismatches, ...ownMismatches(packet, fate)].map(({ field, expected, actual }) =>
    failure(`${field}: expected ${expected}, is ${actual}`),
  );
}

/** Of several sources the one of the packet's family. */
function sourceOf({ as = [] }: Packet, { packet }: SeenFate): string | undefined {
  const family = familyOf(packet.destination);
  const fits = (text: string) => {
    const address = parseAddress(text);
    return address === null || familyOf(address) === family;
  };
  return as.length === 1 ? as[0] : as.find(fits);
}

export function aboutOf(step: Step, { name, from, to, proto, family }: Packet): string {
  const words = [proto?.toUpperCase(), `${from} → ${to}`, family].filter((word) => word !== undefined);
  return [step.name, name, words.join(' ')].filter((word) => word !== undefined).join(': ');
}

type OwnMismatch = Pick<Mismatch, 'expected' | 'actual'> & { readonly field: string };

function ownMismatches({ masquerade, sticks, asPort }: Packet, fate: SeenFate): OwnMismatch[] {
  const mismatches: OwnMismatch[] = [];
  if (masquerade !== undefined && masquerade !== fate.masquerade) {
    mismatches.push({ field: 'masquerade', expected: String(masquerade), actual: String(fate.masquerade) });
  }
  if (sticks && !fate.sticks) {
    mismatches.push({
      field: 'sticks',
      expected: 'always the same endpoint',
      actual: 'any of them at random',
    });
  }
  if (asPort !== undefined && fate.ports !== null) {
    const isMet = fate.ports.length > 0 && fate.ports.every((port) => port === asPort);
    const actual = [...new Set(fate.ports)].join(', ') || 'not seen';
    if (!isMet) mismatches.push({ field: 'asPort', expected: String(asPort), actual });
  }
  return mismatches;
}
