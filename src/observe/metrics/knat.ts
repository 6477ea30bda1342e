import { LIMIT_NAMES } from '../../limits/table.ts';
import { counter, exponential, gauge, histogram } from './definition.ts';

/** Metrics about knat itself, under its own names. */
export const knatMetrics = {
  knat_build_info: gauge('Always 1; the labels say what runs and on what.', {
    version: { words: 'version of knat' },
    kernel: { words: 'release of the kernel' },
  }),
  knat_converge_duration_seconds: histogram(
    'One attempt to make the kernel match the plan: from the start of planning to the acknowledgement of the kernel, or to the failure. Both families are one transaction. Time that a change waits for an attempt under way is not included.',
    exponential(0.0001, 2, 18),
    { outcome: ['success', 'failure'] },
  ),
  knat_last_converge_timestamp_seconds: gauge(
    'When the kernel was last made to match, or found to match, in seconds since the epoch; 0: not yet. It stays as it is while nothing changes.',
  ),
  knat_failing_since_timestamp_seconds: gauge(
    'Since when the kernel cannot be made to match, in seconds since the epoch; 0: it matches. What was programmed before stays in force.',
  ),
  knat_elements_changed_total: counter('Elements of maps and sets that were written to the kernel.', {
    operation: ['add', 'delete'],
  }),
  knat_skeleton_loads_total: counter(
    'How often the tables with their chains were written to the kernel. loaded: there were none. changed: chains were added, written again or removed. swapped: the tables of another version were replaced.',
    { how: ['loaded', 'changed', 'swapped'] },
  ),
  knat_foreign_changes_total: counter(
    'Notifications of the kernel that another program changed the tables of knat. One command can cause several.',
  ),
  knat_heals_total: counter(
    'How often the tables of knat were repaired after another program changed them. A change of the source at the same time is programmed together with the repair.',
  ),
  knat_plan_entries: gauge(
    'Entries of the plan, both families together, without those that lost a conflict. pool: all pools of the source, with or without natOutgoing.',
    { kind: ['frontend', 'binding', 'source', 'address', 'pool'] },
  ),
  knat_conflicts: gauge('Addresses and ports that several objects claim; one of the objects has it.'),
  knat_notices: gauge('Reasons why objects, or parts of them, get no NAT.', {
    reason: { words: 'reason of the Event, as docs/status.md lists them' },
  }),
  knat_problems: gauge(
    'Open problems: of objects that cannot be read, of the source as a whole, and of the parts that work beside NAT.',
    { code: { words: 'code of docs/errors.md' }, severity: ['error', 'warning', 'note'] },
  ),
  knat_source_synced: gauge(
    '1 when the source has delivered everything that existed at the start, else 0. It stays 1 when the source fails later.',
  ),
  knat_source_troubles: gauge(
    'Parts of the source (kinds of objects, the folder) that cannot be read at the moment; each has a problem. Objects that were read before stay in force.',
  ),
  knat_source_changes_total: counter(
    'Values of objects that the source delivered, including the first ones at the start and unchanged ones.',
    {
      kind: { words: 'kind of the object' },
    },
  ),
  knat_source_interruptions_total: counter(
    'Lists and watches of an API server that failed and were begun again. Those that the server ends as planned do not count.',
    { resource: { words: 'resource and API group, such as services or ippools.knat.dev' } },
  ),
  knat_stale_flows_deleted_total: counter(
    'Conntrack entries that were deleted because the present plan would translate them otherwise: UDP entries, and entries of TCP and SCTP without a reply.',
  ),
  knat_stale_flow_failures_total: counter(
    'How often reading the conntrack table for stale entries, or deleting them, failed; the agent tries again after some seconds.',
  ),
  knat_gone_connections_ended_total: counter(
    'Established connections that were ended because their endpoint is gone: no slice lists it any more, or the Pod of the binding is no more. Both ends are told. With --on-endpoint-gone keep there are none.',
    { protocol: ['TCP', 'SCTP'] },
  ),
  knat_gone_connection_failures_total: counter(
    'How often finding or ending connections to gone endpoints failed; the agent tries again after some seconds.',
  ),
  knat_conntrack_entries: gauge(
    'Entries of the conntrack table when it was last read, translated or not. It is read every 30 seconds, or less often if reading would take more than 2 % of the time; there is no value before the first reading.',
  ),
  knat_source_ports_used: gauge(
    'Source ports in use of an address, towards the destination for which it uses most, at the last reading. Only addresses among the 20 fullest pairs of address and destination have a value; knat flows --ports shows the destinations.',
    {
      protocol: ['TCP', 'UDP', 'SCTP'],
      address: { words: 'address that connections leave with, at most 20' },
    },
  ),
  knat_source_ports_used_ratio: gauge(
    'The same as a share of the ports that the address has for a protocol and a destination, from 0 to 1. From about 0.9 new connections begin to fail; from 0.7 the problem KNAT_PORTS_NEARLY_TAKEN is reported.',
    {
      protocol: ['TCP', 'UDP', 'SCTP'],
      address: { words: 'address that connections leave with, at most 20' },
    },
  ),
  knat_events_waiting: gauge('Events that are not yet written to the API server.'),
  knat_events_dropped_total: counter('Events that were dropped because too many were waiting.'),
  knat_state_writes_total: counter(
    'Successful writes of the state of this node to a store. crd is the NodeNAT object; the others hold the bindings in the form of podnat-controller. An unchanged state is not written again.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_state_failures_total: counter(
    'Reads and writes of a store that failed; each is repeated after growing waits, and NAT does not wait for it.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_state_last_success_timestamp_seconds: gauge(
    'When the store was last known to hold the present state, because it was written or found so, in seconds since the epoch; 0: not yet. Only stores in use have a value. It stays as it is while nothing changes.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_history_bytes: gauge(
    'Bytes of the history on the disk, at most --history-mib. There is no value before the first state is written, and none without --history-dir.',
  ),
  knat_history_begin_timestamp_seconds: gauge(
    'Since when the history says what was in force, in seconds since the epoch: the oldest record that is kept. There is no value before the first state is written, and none without --history-dir.',
  ),
  knat_history_gaps_total: counter(
    'How often changes were not recorded one by one: the disk did not take them, another agent has the folder, or too many came at once. A change that came while the disk was out of order is in no other number.',
  ),
  knat_limit_reached_total: counter(
    'How often a limit changed what the agent did: something was refused, cut off, put off or forgotten. docs/limits.md says for each limit what, and what to do. Limits of objects are not counted here: knat_notices and knat_problems have their findings.',
    { limit: LIMIT_NAMES },
  ),
  knat_http_requests_total: counter('Answers of the HTTP server, on all of its addresses.', {
    code: { words: 'HTTP status' },
  }),
  knat_token_reviews_total: counter(
    'Requests to the API server that ask who owns a bearer token and what the owner may do. Answers from the cache do not count.',
    { result: ['allowed', 'denied', 'failed'] },
  ),
} as const;
