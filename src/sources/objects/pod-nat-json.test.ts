import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultPodNatOptions } from './metadata.ts';
import { parsePodNatAnnotation } from './pod-nat-annotation.ts';
import { type PodNatDraft, readPodNatDocument } from './pod-nat-json.ts';

/**
 * Documents that are made together with what Go's encoding/json makes of them: a value is a text and what it assigns.
 * `wrong` is an error in Go (and is no form of ours); `none` assigns nothing.
 */
type Value<T> = { readonly text: string; readonly is: { readonly set: T } | 'none' | 'wrong' };

const set = <T>(text: string, value: T): Value<T> => ({ text, is: { set: value } });
const none = (text: string): Value<never> => ({ text, is: 'none' });
const wrong = (text: string): Value<never> => ({ text, is: 'wrong' });

/** Of no field: an object, a list of objects, fractions and exponents. */
const never = fc.constantFrom('{}', '[{}]', '[1]', '1.5', '1e2', '-1', '2.5e1', '25.0').map(wrong);

const flag: fc.Arbitrary<Value<boolean>> = fc.oneof(
  fc.boolean().map((value) => set(String(value), value)),
  fc.constant(none('null')),
  fc.constantFrom('0', '1', '"true"', '""').map(wrong),
  never,
);

const port: fc.Arbitrary<Value<PodNatDraft['sourcePorts']>> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 65_535 }).map((one) => set(`${one}`, { first: one, last: one })),
  },
  fc.tuple(fc.nat(65_535), fc.nat(65_535)).map(([first, last]) => set(`"${first}-${last}"`, { first, last })), // ours
  fc.constant(none('null')),
  fc.integer({ min: 65_536 }).map((value) => wrong(String(value))),
  fc.integer({ min: 0, max: 65_535 }).map((value) => wrong(`"${value}"`)),
  fc
    .constantFrom('true', '-0', '25.0', '2.5e1', '25e0', '18446744073709551641', '"1-70000"', '""')
    .map(wrong),
  never,
);

const words = fc.oneof(fc.constantFrom('tcp', 'udp', 'TCP', '192.0.2.1'), fc.string({ maxLength: 5 }));
const text: fc.Arbitrary<Value<string>> = fc.oneof(
  words.map((value) => set(JSON.stringify(value), value)),
  fc.constant(none('null')),
  fc.constantFrom('0', 'true', '["tcp"]').map(wrong),
  never,
);
/** null empties it: the original has a pointer there. */
const optionalText = text.map(
  (value): Value<string | null> => (value.is === 'none' ? set('null', null) : value),
);
const list: fc.Arbitrary<Value<readonly string[] | null>> = fc.oneof(
  fc.array(words, { maxLength: 3 }).map((value) => set(JSON.stringify(value), value)),
  fc.constant(set('null', null)),
  fc.constantFrom('"10.0.0.0/8"', '0', 'false', '["a", 1]', '[["a"]]').map(wrong),
  never,
);

type Member = {
  readonly key: string;
  readonly value: Value<unknown>;
  readonly field: keyof PodNatDraft | null;
};

function member<T>(
  field: keyof PodNatDraft,
  name: string,
  value: fc.Arbitrary<Value<T>>,
): fc.Arbitrary<Member> {
  const spellings = [name, name.toUpperCase(), name.toLowerCase(), name.replace('s', '\u017f')];
  return fc.record({ key: fc.constantFrom(...spellings), value, field: fc.constant(field) });
}

const members: fc.Arbitrary<Member> = fc.oneof(
  member('interfaceAuto', 'ifaceAuto', flag),
  member('sourceIP', 'srcIP', optionalText),
  member('sourcePorts', 'srcPort', port),
  member('destinationPorts', 'dstPort', port),
  member('protocol', 'proto', text),
  member('allow', 'allow', list),
  member('egress', 'egress', flag),
  member('takeover', 'takeover', flag),
  fc.record({
    key: fc.constantFrom('note', 'srcPorts', '__proto__', ''),
    value: fc.json({ maxDepth: 1 }).map(none),
    field: fc.constant(null),
  }),
);

const EMPTY: PodNatDraft = {
  interfaceAuto: true,
  sourceIP: null,
  sourcePorts: { first: 0, last: 0 },
  destinationPorts: { first: 0, last: 0 },
  protocol: 'tcp',
  allow: null,
  egress: true,
  takeover: false,
};

/** One entry; damage is rare, or no document would be accepted. */
const entry: fc.Arbitrary<Value<PodNatDraft>> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(members, { maxLength: 5 }).map((all) => {
      const draft: Record<string, unknown> = { ...EMPTY };
      for (const { field, value } of all) {
        if (value.is === 'wrong') return wrong(objectOf(all));
        if (field !== null && value.is !== 'none') draft[field] = value.is.set;
      }
      return set(objectOf(all), draft as unknown as PodNatDraft);
    }),
  },
  fc.constant(set('null', EMPTY)),
  fc.constantFrom('1', '"x"', '[]', 'true').map(wrong),
);

const entries: fc.Arbitrary<Value<readonly PodNatDraft[]>> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(entry, { maxLength: 3 }).map((all) => {
      const texts = `[${all.map((one) => one.text).join(' , ')}]`;
      if (all.some((one) => one.is === 'wrong')) return wrong(texts);
      return set(
        texts,
        all.flatMap((one) => (typeof one.is === 'object' ? [one.is.set] : [])),
      );
    }),
  },
  fc.constant(set('null', [])),
  fc.constantFrom('{}', '0', '"x"', 'false').map(wrong),
);

const document: fc.Arbitrary<Value<readonly PodNatDraft[]>> = fc
  .array(fc.record({ key: fc.constantFrom('entries', 'ENTRIES', 'entrie\u017f'), value: entries }), {
    maxLength: 2,
  })
  .map((all) => {
    const json = objectOf(all);
    if (all.some(({ value }) => value.is === 'wrong')) return wrong(json);
    const last = all.at(-1)?.value.is;
    return set(json, typeof last === 'object' ? last.set : []);
  });

function objectOf(
  all: readonly { readonly key: string; readonly value: { readonly text: string } }[],
): string {
  return `{${all.map(({ key, value }) => `${JSON.stringify(key)} :\t${value.text}`).join(',\n')}}`;
}

test('a document is refused, or means, what Go makes of it', () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(document, ({ text: json, is }) => {
      const read = readPodNatDocument(json);
      if (is === 'wrong') {
        refused++;
        expect(read).toBeNull();
      } else {
        accepted++;
        expect(read?.entries).toEqual(is === 'none' ? [] : is.set);
      }
    }),
    { numRuns: 3000 },
  );
  // The generator draws both.
  expect(Math.min(accepted, refused)).toBeGreaterThan(500);
});

test('text that is no JSON is refused and quoted, and nothing throws', () => {
  const damaged = fc
    .tuple(
      document,
      fc.nat(),
      fc.nat(3),
      fc.constantFrom('', ',', '}', ']', '"', '0', '\u0000', 'x', '\\', '//'),
    )
    .map(([{ text: json }, at, cut, insert]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + insert + json.slice(place + cut);
    });
  fc.assert(
    fc.property(damaged, (raw) => {
      const { error } = parsePodNatAnnotation(raw, defaultPodNatOptions);
      let isJson = true;
      try {
        JSON.parse(raw);
      } catch {
        isJson = false;
      }
      if (!isJson) expect(error).toBe(`error unmarshaling data into annotation json format: ${raw}`);
    }),
    { numRuns: 3000 },
  );
});
