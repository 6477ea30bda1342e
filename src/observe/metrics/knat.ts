import { counter, exponential, gauge, histogram } from './definition.ts';

/** What knat says of itself, in its own names. */
export const knatMetrics = {
  knat_build_info: gauge('Always 1; the labels say what runs and on what.', {
    version: { words: 'version of knat' },
    kernel: { words: 'release of the kernel' },
  }),
  knat_converge_duration_seconds: histogram(
    'One attempt to make the kernel match the plan: from the start of planning to the acknowledgement of the kernel, or to the failure. Both families are one transaction. The wait of a change for an attempt that was under way is not in it.',
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
    'How often the tables with their chains were put into the kernel: loaded where there were none, changed where chains were added, written anew or taken away, swapped where the tables of another version were replaced.',
    { how: ['loaded', 'changed', 'swapped'] },
  ),
  knat_foreign_changes_total: counter(
    'Notifications of the kernel that something else changed the tables of knat. One command of somebody else can make several.',
  ),
  knat_heals_total: counter(
    'How often the kernel was brought back after something else changed the tables of knat. A change of the source that came at the same time is programmed with it.',
  ),
  knat_plan_entries: gauge(
    'What is wanted in the kernel, both families together, after conflicts were settled. pool: pools that the source has, with or without natOutgoing.',
    { kind: ['frontend', 'binding', 'source', 'address', 'pool'] },
  ),
  knat_conflicts: gauge('Addresses and ports that several objects want; one of them has it.'),
  knat_notices: gauge('Reasons why objects, or parts of them, get no NAT.', {
    reason: { words: 'reason of the Event, as docs/status.md lists them' },
  }),
  knat_problems: gauge(
    'Open problems: of objects that cannot be read, of the source as a whole, and of what works beside NAT.',
    { code: { words: 'code of docs/errors.md' }, severity: ['error', 'warning', 'note'] },
  ),
  knat_source_synced: gauge(
    '1 when the source has delivered everything that existed at the start, else 0. It stays 1 when the source fails later.',
  ),
  knat_source_troubles: gauge(
    'Parts of the source (kinds of objects, the folder) that cannot be read at the moment and have a problem that says so. What was read stays in force.',
  ),
  knat_source_changes_total: counter(
    'Values of objects that the source delivered, the first ones at the start and unchanged ones included.',
    {
      kind: { words: 'kind of the object' },
    },
  ),
  knat_source_interruptions_total: counter(
    'Lists and watches of an API server that failed and were begun again. Those that the server ends as planned do not count.',
    { resource: { words: 'resource and API group, such as services or ippools.knat.dev' } },
  ),
  knat_stale_flows_deleted_total: counter(
    'Conntrack entries that were deleted because a change made them lead to a wrong place: those of UDP, and of TCP and SCTP those without a reply.',
  ),
  knat_stale_flow_failures_total: counter(
    'How often stale conntrack entries could not be looked for or deleted; it is tried again after some seconds.',
  ),
  knat_conntrack_entries: gauge(
    'Entries of the table of connections at the last look, translated or not. A look is taken every 30 seconds, or less often where looking would take more than 2 % of the time; nothing is there before the first.',
  ),
  knat_source_ports_used: gauge(
    'Source ports that connections from an address take towards the destination where it has taken most, at the last look. Only addresses among the 20 fullest pairs of address and destination are there; knat flows --ports has the destinations.',
    {
      protocol: ['TCP', 'UDP', 'SCTP'],
      address: { words: 'address that connections leave with, at most 20' },
    },
  ),
  knat_source_ports_used_ratio: gauge(
    'The same as a share of the ports that the address has for a protocol and a destination, from 0 to 1. From about 0.9 on new connections begin to fail; from 0.7 on there is the problem KNAT_PORTS_NEARLY_TAKEN.',
    {
      protocol: ['TCP', 'UDP', 'SCTP'],
      address: { words: 'address that connections leave with, at most 20' },
    },
  ),
  knat_events_waiting: gauge('Events that wait to be written to the API server.'),
  knat_events_dropped_total: counter('Events that were not written because too many waited.'),
  knat_state_writes_total: counter(
    'Writes of the state of this node that a store took. crd is the NodeNAT object; the others hold the bindings in the form of podnat-controller. What says the same is not written again.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_state_failures_total: counter(
    'Reads and writes of a store that failed; each is tried again with growing waits, and NAT does not wait for it.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_state_last_success_timestamp_seconds: gauge(
    'When the store was last known to hold what is in force, be it written then or found so, in seconds since the epoch; 0: not yet. Only of stores that are in use. It stays as it is while nothing changes.',
    { store: ['crd', 'configmap', 'webdav'] },
  ),
  knat_http_requests_total: counter('Answers of the HTTP server, on all of its addresses.', {
    code: { words: 'HTTP status' },
  }),
  knat_token_reviews_total: counter(
    'Questions to the API server whose bearer token it is and what its owner may do. Answers from the cache do not count.',
    { result: ['allowed', 'denied', 'failed'] },
  ),
} as const;
