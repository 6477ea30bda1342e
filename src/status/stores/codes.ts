/** What goes wrong with a store of state. It never stops NAT. */
export const storeCodes = {
  KNAT_STATE_UNWRITTEN: {
    meaning:
      'The state of the node cannot be published in the store that --state-flavor names; NAT goes on, and so do the attempts.',
    remedy: 'Do what the message says, or choose another store with --state-flavor.',
  },
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;
