import { z } from 'zod';
import { type IpAddress, parseAddress } from '../../../src/net/address.ts';
import { parsePort } from '../../../src/net/port.ts';
import { PROTOCOLS, parseProtocol } from '../../../src/net/protocol.ts';
import type { Program } from './scenario.ts';

/** The form of a scenario file. */

const text = z.string('write text here').min(1, 'is empty');
/** YAML reads 8080 as a number. */
const textOrNumber = z.union([text, z.number()], 'write text or a number here').transform(String);
const flag = z.boolean('write true or false here');
const oneOrMore = z.union([text.transform((one) => [one]), z.array(text)], 'write text, or a list of texts');
const manifests = z.array(
  z.record(z.string(), z.unknown(), 'write a manifest here: apiVersion, kind, metadata, spec'),
  'write a list of manifests',
);
const names = z.array(
  z
    .string()
    .regex(
      /^[A-Za-z]+(\/[^/\s]+){1,2}$/,
      'write KIND/NAMESPACE/NAME, or KIND/NAME without a namespace: Pod/shop/web-0',
    ),
  'write a list of KIND/NAMESPACE/NAME',
);
const podNames = z.array(
  z.string().regex(/^[Pp]od\/[^/\s]+\/[^/\s]+$/, 'write pod/NAMESPACE/NAME'),
  'write a list of pod/NAMESPACE/NAME',
);

const address = text.transform((written, context): IpAddress => {
  const parsed = parseAddress(written);
  if (parsed !== null) return parsed;
  context.addIssue(`"${written}" is no IPv4 or IPv6 address`);
  return z.NEVER;
});

const program = text.transform((written, context): Program => {
  const [, at = '', number, word = ''] = /^(?:(.+):)?(\d+)\/(\w+)$/.exec(written) ?? [];
  const bound = parseAddress(at.replace(/^\[(.*)\]$/, '$1'));
  const port = parsePort(Number(number));
  const protocol = parseProtocol(word);
  if ((at === '' || bound !== null) && port !== null && protocol !== null)
    return { address: bound, port, protocol };
  context.addIssue(`"${written}": write PORT/PROTOCOL or ADDRESS:PORT/PROTOCOL with ${PROTOCOLS.join(', ')}`);
  return z.NEVER;
});

const nodePart = z.strictObject({
  addresses: z.array(address, 'write a list of addresses').optional(),
  programs: z.array(program, 'write a list of PORT/PROTOCOL').optional(),
  config: z.record(z.string(), z.unknown(), 'write the keys of a node configuration').optional(),
});

const node = nodePart.extend({ name: text });

const VERDICTS = ['dnat', 'snat', 'none', 'drop', 'reject'] as const;

const packet = z
  .strictObject({
    name: text.optional(),
    from: oneOrMore,
    to: oneOrMore,
    proto: oneOrMore.optional(),
    port: textOrNumber.optional(),
    family: oneOrMore.optional(),
    verdict: z.enum(VERDICTS, `write one of ${VERDICTS.join(', ')}`).optional(),
    as: oneOrMore.optional(),
    asPort: z
      .union(
        [z.literal(['same', 'free']), z.number().int().min(1).max(65535)],
        'write a port, same (it stays) or free (a port that nobody owns)',
      )
      .optional(),
    reaches: oneOrMore.optional(),
    masquerade: flag.optional(),
    sticks: flag.optional(),
    unanswered: flag.optional(),
  })
  .refine(
    ({ verdict, as, asPort, reaches, masquerade }) =>
      [verdict, as, asPort, reaches, masquerade].some((each) => each !== undefined),
    { error: 'expects nothing: add verdict, reaches, as, asPort or masquerade' },
  );

const entry = z
  .record(z.string(), z.unknown(), 'write some keys of an entry as knat entries -o json has them')
  .refine((keys) => Object.keys(keys).length > 0, 'is empty: every entry would fit');

const finding = z.union(
  [text.transform((code) => ({ code })), z.strictObject({ code: text, object: text.optional() })],
  'write a code (NatConflict, KNAT_FIELD_INVALID), or code and object',
);

const step = z.strictObject({
  name: text.optional(),
  node: nodePart.optional(),
  apply: manifests.optional(),
  delete: names.optional(),
  ready: podNames.optional(),
  notReady: podNames.optional(),
  ipMasqAgent: z.string('write the contents of the file as text').optional(),
  restart: flag.optional(),
  unchanged: flag.optional(),
  entries: z.array(entry, 'write a list of entries').optional(),
  noEntries: z.array(entry, 'write a list of entries').optional(),
  findings: z.array(finding, 'write a list of codes').optional(),
  packets: z.array(packet, 'write a list of packets').optional(),
});

export const fileSchema = z.strictObject(
  {
    title: text,
    source: oneOrMore,
    node,
    agent: z.record(z.string(), z.unknown(), 'write options of the agent').optional(),
    objects: manifests.optional(),
    steps: z.array(step, 'write a list of steps').min(1, 'the list is empty'),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'no mapping with title, source, node and steps' : undefined,
  },
);

export type WrittenFile = z.infer<typeof fileSchema>;
export type WrittenStep = z.infer<typeof step>;
export type WrittenPacket = z.infer<typeof packet>;
export type WrittenNode = z.infer<typeof node>;

/** The keys that may stand at a place of the file. */
export function keysAt(steps: readonly (string | number)[]): readonly string[] {
  const [last] = steps.filter((each) => typeof each === 'string').slice(-1);
  if (last === undefined) return Object.keys(fileSchema.shape);
  const shapes = {
    node: steps.length === 1 ? node : nodePart,
    packets: packet,
    steps: step,
    findings: { shape: { code: 0, object: 0 } },
  };
  const found = Object.entries(shapes).find(([name]) => name === last)?.[1];
  return found === undefined ? [] : Object.keys(found.shape);
}
