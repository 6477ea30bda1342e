/** A command of `kubectl knat` that the agent's Pod runs as a command of knat. */
export interface AgentCommand {
  readonly name: string;
  /** As `kubectl knat --help` lists it. */
  readonly summary: string;
  /** Behind `kubectl knat`. */
  readonly examples: readonly string[];
}

export const agentCommands: readonly AgentCommand[] = [
  {
    name: 'status',
    summary: 'what the agent of a node does, and what is wrong',
    examples: ['status --node worker-1', 'status --pod shop/web-0', 'status --node worker-1 -o json'],
  },
  {
    name: 'explain',
    summary: 'what happens to a packet, step by step, and why; the node is that of the sender',
    examples: [
      'explain --from pod/shop/web-0 --to svc/shop/db:postgres',
      'explain --from 198.51.100.9 --to node/worker-1:25',
      'explain --node worker-1 --flows flows.json -o json',
    ],
  },
  {
    name: 'entries',
    summary: 'what is programmed on a node, entry by entry',
    examples: ['entries --node worker-1 --kind binding', 'entries --pod shop/web-0 --object shop/web'],
  },
  {
    name: 'flows',
    summary: 'the connections that are translated now, with names; --watch shows them as they come and go',
    examples: [
      'flows --pod shop/web-0 --watch',
      'flows --node worker-1 --kind egress',
      'flows --node worker-1 --ports',
    ],
  },
  {
    name: 'doctor',
    summary: 'what on a node stands against NAT, and what to do about it',
    examples: ['doctor --node worker-1'],
  },
  {
    name: 'version',
    summary: 'the versions of knat, Node.js, nft and the kernel on a node',
    examples: ['version --node worker-1'],
  },
];

/** The command that no agent is asked for. */
export const NODES = {
  name: 'nodes',
  summary: 'what every node reports: kubectl get nodenats, with its options',
  examples: ['nodes', 'nodes worker-1 -o yaml', 'nodes --watch'],
} as const satisfies AgentCommand;

/** Commands of knat that are none of the plugin's, and what to do instead. */
export const elsewhere: ReadonlyMap<string, string> = new Map([
  ['verify', 'it needs no agent: knat verify FILE --source kubernetes reads the cluster from here'],
  ['agent', 'the DaemonSet of the chart runs it on the nodes'],
  ['cleanup', 'the chart does it on every node, with cleanup.enabled=true'],
  ['demo', 'it makes nodes of its own on this machine: knat demo'],
]);
