import { z } from 'zod';
import type { Expectation } from '../../explain/expectation.ts';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { errorLines, keyHint, schemaErrors } from '../../sources/objects/schema-errors.ts';
import { CliError } from '../cli-error.ts';
import { onlyDocument } from '../only-document.ts';

/** An expectation and its position: `expectations.yaml:12`. */
export interface WrittenExpectation extends Expectation {
  readonly origin: string;
  /** `knat webhook` refuses changes that break it. */
  readonly protect?: boolean | undefined;
}

export interface ExpectationsFile {
  /** The default node of expectations. */
  readonly node: string | null;
  /** Addresses that nodes bear beside those that objects tell of. */
  readonly addresses: ReadonlyMap<string, readonly IpAddress[]>;
  readonly expectations: readonly WrittenExpectation[];
}

const text = z.string('write text here').min(1, 'is empty');
/** YAML reads 8080 as a number. */
const textOrNumber = z.union([text, z.number()], 'write text or a number here').transform(String);
const VERDICTS = ['dnat', 'snat', 'none', 'drop', 'reject'] as const;

const address = z.string('write an address here').transform((written, context): IpAddress => {
  const parsed = parseAddress(written);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `"${written}" is no IPv4 or IPv6 address` });
  return z.NEVER;
});

const expectation = z
  .strictObject({
    name: text.optional(),
    node: text.optional(),
    from: text,
    to: text,
    proto: text.optional(),
    port: textOrNumber.optional(),
    family: text.optional(),
    verdict: z.enum(VERDICTS, `write one of ${VERDICTS.join(', ')}`).optional(),
    as: text.optional(),
    reaches: z
      .union([text.transform((one) => [one]), z.array(text)], 'write a destination, or a list of them')
      .optional(),
    protect: z.boolean('write true or false').optional(),
  })
  .refine(({ verdict, as, reaches }) => verdict !== undefined || as !== undefined || reaches !== undefined, {
    error: 'expects nothing: add verdict, as or reaches',
  });

/** The form of a file: `docs/schema/expectations.schema.json`. */
export const expectationsFile = z.strictObject(
  {
    node: text.optional(),
    addresses: z.record(z.string(), z.array(address, 'write a list of addresses here')).optional(),
    expectations: z.array(expectation, 'write a list of expectations here').min(1, 'the list is empty'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'no mapping with the key expectations' : undefined) },
);

const KEYS = [...Object.keys(expectation.shape), 'addresses', 'expectations'];

/** YAML or JSON. Throws CliError with every error's line and key. */
export function parseExpectations(contents: string, filename: string): ExpectationsFile {
  const root = onlyDocument(contents, filename, invalid);
  if (root === undefined) throw invalid(filename, [`${filename}: the file is empty`]);
  const parsed = expectationsFile.safeParse(root.value);
  if (!parsed.success) {
    const errors = schemaErrors(parsed.error.issues, (key) => keyHint(key, KEYS)).map((error) => {
      const isMissing = error.message.startsWith('write text');
      return isMissing ? { ...error, message: `missing, or not a text: ${error.message}` } : error;
    });
    throw invalid(filename, errorLines(errors, root, filename));
  }
  const lines = root.itemLines(['expectations']);
  return {
    node: parsed.data.node ?? null,
    addresses: new Map(Object.entries(parsed.data.addresses ?? {})),
    expectations: parsed.data.expectations.map((each, index) => {
      return { ...each, origin: `${filename}:${lines[index] ?? 1}` };
    }),
  };
}

function invalid(filename: string, details: readonly string[]): CliError {
  return new CliError('KNAT_EXPECTATIONS_INVALID', `the expectations ${filename} cannot be used`, details);
}
