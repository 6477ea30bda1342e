/** What the exit status of `knat` says. The numbers are an interface: scripts and units depend on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  impossible: 3,
  agent: 4,
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const exitMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done; for the agent: it was told to stop, and its rules stay in the kernel',
  1: 'it failed, or what was asked for is not so',
  2: 'wrong usage or wrong input: an option, a configuration, a flow, a name',
  3: 'not possible here: no rights, a kernel that lacks something, or kube-proxy at work',
  4: 'no agent runs, or another one runs already',
  70: 'an error inside knat itself: please report it',
};
