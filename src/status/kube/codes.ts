/** What the agent cannot write to the cluster. None of it stops NAT. One table for docs/errors.md. */
export const statusCodes = {
  KNAT_NODE_STATUS_UNWRITTEN: {
    meaning: 'The NodeNAT object of the node cannot be written; NAT goes on, and so do the attempts.',
    remedy:
      'Do what the message says: install the CustomResourceDefinitions of knat, allow the verbs by a ClusterRole, or correct --node. --no-node-status leaves the object away.',
  },
  KNAT_EVENTS_UNWRITTEN: {
    meaning: 'Events cannot be written; NAT goes on, and so do the attempts.',
    remedy: 'Do what the message says, or leave Events away with --no-events.',
  },
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;

export type StatusCode = keyof typeof statusCodes;
