/** A bug that kube-proxy once had, put back into a copy of the program. The product has no switch for it. */
export interface Bug {
  readonly name: string;
  /** What happened. */
  readonly story: string;
  /** Kinds of faults of which some find it. */
  readonly kinds: readonly string[];
  /** So many of them, with this seed. */
  readonly faults: number;
  readonly source: 'folder' | 'kubernetes';
  /** In files below `src`; each `from` stands there once. */
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** A text of the machine that says what is wrong. */
  readonly told: RegExp;
}

export const bugs: readonly Bug[] = [
  {
    name: 'deleted-while-down',
    story: 'rules of a Service that was deleted while the proxy was down stayed for ever',
    kinds: ['kill'],
    faults: 2,
    source: 'folder',
    edits: [
      {
        file: 'datapath/nftables/comparison.ts',
        from: 'return beside.difference();',
        to: 'return { ...beside.difference(), remove: [] };',
      },
    ],
    told: /waited in vain.*delete/s,
  },
  {
    name: 'healthy-while-leaving',
    story: 'load balancers went on sending to a node that was about to be deleted',
    kinds: ['node leaves'],
    faults: 1,
    source: 'folder',
    edits: [
      {
        file: 'agent/agent.ts',
        from: 'const nodeEligible = !(node?.terminating || node?.excludedByAutoscaler);',
        to: 'const nodeEligible = node !== null;',
      },
    ],
    told: /healthz answers 200 instead of 503/,
  },
];
