/** Commands of knat that run in the agent's Pod, with examples that follow `kubectl knat`. */
export const agentCommands: ReadonlyMap<string, readonly string[]> = new Map([
  ['status', ['status --node worker-1', 'status --pod shop/web-0', 'status --node worker-1 -o json']],
  [
    'explain',
    [
      'explain --from pod/shop/web-0 --to svc/shop/db:postgres',
      'explain --from 198.51.100.9 --to node/worker-1:25',
      'explain --from pod/shop/web-0 --to svc/shop/db:postgres --at 2h',
      'explain --node worker-1 --flows flows.json -o json',
    ],
  ],
  ['entries', ['entries --node worker-1 --kind binding', 'entries --pod shop/web-0 --object shop/web']],
  [
    'flows',
    [
      'flows --pod shop/web-0 --watch',
      'flows --node worker-1 --kind egress',
      'flows --node worker-1 --ports',
    ],
  ],
  [
    'trace',
    [
      'trace --from pod/shop/web-0 --to svc/shop/db:postgres',
      'trace --node worker-1 --from 198.51.100.9 --to node/worker-1:25 --count 1',
    ],
  ],
  ['history', ['history --node worker-1 --since 2h', 'history shop/web --pod shop/web-0']],
  ['doctor', ['doctor --node worker-1']],
  ['version', ['version --node worker-1']],
]);

/** Needs no agent. */
export const NODES = {
  name: 'nodes',
  summary: 'show what every node reports: kubectl get nodenats, with its options',
  examples: ['nodes', 'nodes worker-1 -o yaml', 'nodes --watch'],
} as const;

/** Commands of knat that the plugin lacks, and what to do instead. */
export const elsewhere: ReadonlyMap<string, string> = new Map([
  ['verify', 'it needs no agent: knat verify FILE --source kubernetes reads the cluster from here'],
  ['what-if', 'it needs no agent: knat what-if --source kubernetes -f FILE reads the cluster from here'],
  ['agent', 'the DaemonSet of the chart runs it on the nodes'],
  ['cleanup', 'the chart runs it on every node, with cleanup.enabled=true'],
  ['demo', 'it builds its own nodes on this machine: knat demo'],
]);
