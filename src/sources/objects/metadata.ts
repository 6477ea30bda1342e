import { isRecord, listAt, recordAt, textAt } from '../../base/json.ts';
import type { Writer } from '../../model/facts.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { PortSpan } from '../../net/port.ts';
import { Fields } from './fields.ts';
import { ParseReport } from './parsed.ts';
import type { SharedValues } from './shared.ts';

export interface ParseContext {
  readonly shared: SharedValues;
  readonly podNat: PodNatOptions;
  /** Node ports that a Service may have; absent: any, since an API server has checked them. */
  readonly nodePortRange?: PortSpan;
  readonly debug: (line: string) => void;
}

export interface PodNatOptions {
  /** Flag `annotationkey`. */
  readonly annotationKey: string;
  /** Flag `restrictedports` unparsed: comma-separated ports or ranges; refused as srcPort and dstPort. */
  readonly restrictedPorts: string;
  /** Further reserved ports of the node, in the same form; refused as srcPort. */
  readonly restrictedNodePorts: string;
}

export const defaultPodNatOptions: PodNatOptions = {
  annotationKey: 'bln.space/podnat',
  restrictedPorts: '22,53,6443',
  restrictedNodePorts: '10250,2379,2380,30000-32767',
};

/** Labels whose presence leaves a Service or slice to another proxy. docs/spec/service-nat.md, "Frontends". */
export const FOREIGN_LABELS = [
  'service.kubernetes.io/service-proxy-name',
  'service.kubernetes.io/headless',
] as const;

/** The start of every parser: the object's fields, its name and a report for its problems. */
export interface Opened {
  readonly namespace: string;
  readonly name: string;
  readonly fields: Fields;
  readonly metadata: Fields;
  readonly report: ParseReport;
}

/**
 * A missing name, or a document that is no object, is an error of the report. An absent `namespace` is `default` for
 * namespaced kinds, and empty for others.
 */
export function openObject(kind: ObjectRef['kind'], object: unknown, shared: SharedValues): Opened {
  const ref = objectRef(kind, object);
  const namespace = shared.text(ref.namespace);
  const name = ref.name;
  const report = new ParseReport({ kind, namespace, name });
  const fields = new Fields(isRecord(object) ? object : {}, report);
  if (!isRecord(object)) report.error('KNAT_OBJECT_INVALID', '', `must be a ${kind} object`);
  const metadata = fields.object('metadata');
  if (metadata.text('name') === '') {
    report.error('KNAT_FIELD_REQUIRED', 'metadata.name', 'the object has no name: add metadata.name');
  }
  metadata.text('namespace');
  return { namespace, name, fields, metadata, report };
}

/** Kinds without a namespace. */
const CLUSTER_SCOPED: ReadonlySet<ObjectRef['kind']> = new Set([
  'Node',
  'IPPool',
  'FelixConfiguration',
  'Namespace',
  'EgressRule',
  'ServiceCIDR',
]);

/** Reads what the object contains of its name; never fails. */
export function objectRef(kind: ObjectRef['kind'], object: unknown): ObjectRef {
  const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {};
  const name = typeof metadata.name === 'string' ? metadata.name : '';
  if (CLUSTER_SCOPED.has(kind)) return { kind, namespace: '', name };
  const namespace = typeof metadata.namespace === 'string' ? metadata.namespace : '';
  return { kind, namespace: namespace === '' ? 'default' : namespace, name };
}

/** Who wrote the object last: the newest entry of its `managedFields`; undefined if it has none. */
export function writerOf(object: unknown): Writer | undefined {
  let newest: Writer | undefined;
  for (const entry of listAt(recordAt(object, 'metadata'), 'managedFields')) {
    const manager = textAt(entry, 'manager');
    if (manager === '') continue;
    // Times are in one form, RFC 3339 in UTC, so texts compare as times.
    const at = textAt(entry, 'time');
    if (newest === undefined || at >= (newest.at ?? '')) newest = { manager, at: at === '' ? null : at };
  }
  return newest;
}

/** Milliseconds since the epoch of an RFC 3339 time; null when there is none. */
export function timeOf(text: string): number | null {
  const time = text === '' ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
