import { z } from 'zod';
import type { Finding } from '../../model/finding.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import { familyOf, type IpAddress, parseAddress } from '../../net/address.ts';
import { type Prefix, parsePrefix } from '../../net/prefix.ts';
import { hostBitsMessage } from './fields.ts';
import { formatSteps } from './manifest-root.ts';
import { readRoots } from './manifest-text.ts';
import {
  isInterfaceName,
  LOCAL_MODES,
  type NodeConfig,
  type NodePortRange,
  nodePortWord,
  primaryOrRanges,
} from './node-config.ts';
import { keyHint, schemaErrors } from './schema-errors.ts';

export type NodeConfigResult =
  | { readonly ok: true; readonly config: NodeConfig }
  | { readonly ok: false; readonly problems: readonly Finding[] };

const address = z.string().transform((text, context): IpAddress => {
  const parsed = parseAddress(text);
  if (parsed !== null) return parsed;
  context.addIssue(`"${text}" is no IPv4 or IPv6 address`);
  return z.NEVER;
});

const prefix = z.string().transform((text, context): Prefix => {
  const parsed = parsePrefix(text);
  if (typeof parsed !== 'string') return parsed;
  const hint = `"${text}" is no CIDR: write ADDRESS/LENGTH`;
  context.addIssue(parsed === 'host-bits' ? hostBitsMessage(text) : hint);
  return z.NEVER;
});

const interfaceName = z.string().refine(isInterfaceName, {
  error: 'expected the name of an interface: 1 to 15 bytes without blanks, slashes and colons',
});

const nodeIPs = z
  .union([address.transform((one) => [one]), z.array(address)], {
    error: 'expected an address or a list of them',
  })
  .refine((list) => new Set(list.map(familyOf)).size === list.length, {
    error: 'a node has one primary address of each family: remove the others',
  });

const nodePortAddress = z.string().transform((text, context): readonly NodePortRange[] => {
  const word = nodePortWord(text);
  if (word !== null) return word;
  const parsed = parsePrefix(text);
  if (typeof parsed !== 'string') return [parsed];
  const hint = `"${text}" is neither a CIDR nor one of primary, localhost, all`;
  context.addIssue(parsed === 'host-bits' ? hostBitsMessage(text) : hint);
  return z.NEVER;
});

const nodePortAddresses = z
  .union([nodePortAddress.transform((one) => [one]), z.array(nodePortAddress)], {
    error: 'expected a CIDR, one of primary, localhost, all, or a list of them',
  })
  .transform((list) => (list.length === 0 ? null : primaryOrRanges(list.flat())));

/**
 * Keys of `--node-config` and of the records in test/conformance/service-flows.json; `nodeIPs` is for both families.
 * docs/node-config.md describes them for people, docs/schema/node-config.schema.json for editors.
 */
export const nodeConfigSchema = z.strictObject({
  nodeName: z.string().min(1).optional().describe('name of the node, as in spec.nodeName of Pods'),
  nodeIP: nodeIPs.optional().describe('the same as nodeIPs'),
  nodeIPs: nodeIPs.optional().describe('the primary address of each family'),
  localNodeIPs: z.array(address).optional().describe('every address that the node bears'),
  podCIDRs: z.array(prefix).optional().describe('sources in these networks are pods'),
  detectLocalMode: z
    .enum(LOCAL_MODES, { error: `expected one of ${LOCAL_MODES.join(', ')}` })
    .optional()
    .describe('how pods are recognised, as in kube-proxy'),
  podBridgeInterface: interfaceName.optional().describe('with BridgeInterface: the bridge of the pods'),
  podInterfaceNamePrefix: interfaceName
    .optional()
    .describe('with InterfaceNamePrefix: how the interfaces of pods begin'),
  serviceCIDRs: z.array(prefix).optional().describe('networks of ClusterIPs'),
  nodePortAddresses: nodePortAddresses
    .optional()
    .describe('where NodePorts answer: CIDRs, primary, localhost or all'),
  masqueradeAll: z.boolean().optional().describe('masquerade every packet to a ClusterIP'),
  topologyLabels: z
    .record(z.string(), z.string())
    .optional()
    .describe('labels that topology hints refer to, instead of those of the Node'),
});

/** Never throws; all errors are found at once, each with its path. */
export function parseNodeConfig(text: string, filename: string): NodeConfigResult {
  const roots = readRoots(text, filename);
  if ('message' in roots) return failed('KNAT_NODE_CONFIG_SYNTAX', filename, roots.line, roots.message);
  const [root, second] = roots;
  if (root === undefined || root.value === null) return { ok: true, config: {} };
  if (second !== undefined) {
    const message = 'only one document is read: remove the others';
    return failed('KNAT_NODE_CONFIG_SYNTAX', filename, second.lineOf([]), message);
  }
  const parsed = nodeConfigSchema.safeParse(root.value);
  if (!parsed.success) {
    const errors = schemaErrors(parsed.error.issues, (key) =>
      keyHint(key, Object.keys(nodeConfigSchema.shape)),
    );
    const problems = errors.map(({ steps, message, isUnknownKey }) => {
      const code = isUnknownKey ? 'KNAT_NODE_CONFIG_UNKNOWN' : 'KNAT_NODE_CONFIG_FIELD';
      return configProblem(code, `${filename}:${root.lineOf(steps)}`, formatSteps(steps), message);
    });
    return { ok: false, problems };
  }
  const { nodeIP, nodeIPs: several, ...rest } = parsed.data;
  if (nodeIP !== undefined && several !== undefined) {
    const message = 'nodeIP and nodeIPs mean the same: keep one';
    return failed('KNAT_NODE_CONFIG_FIELD', filename, root.lineOf(['nodeIP']), message);
  }
  const addresses = nodeIP ?? several;
  const given = Object.entries({ ...rest, nodeIPs: addresses }).filter(([, value]) => value !== undefined);
  return { ok: true, config: Object.fromEntries(given) as NodeConfig };
}

function failed(code: SourceCode, filename: string, line: number, message: string): NodeConfigResult {
  return { ok: false, problems: [configProblem(code, `${filename}:${line}`, '', message)] };
}

function configProblem(code: SourceCode, origin: string, field: string, message: string): Finding {
  return { code, severity: 'error', origin, object: null, field, message };
}
