/** These numbers are an interface: scripts and units depend on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  impossible: 3,
  agent: 4,
  notReady: 5,
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const exitMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'success; for the agent: it was stopped, and its rules stay in the kernel',
  1: 'the command failed, or a check found a difference',
  2: 'wrong usage or wrong input: an option, a configuration, a flow, a name',
  3: 'not possible here: missing rights, a missing kernel feature, or kube-proxy runs',
  4: 'no agent runs, or another agent runs already',
  5: 'the agent runs but cannot answer yet: it is reading its source, or did not answer in time',
  70: 'an error in knat itself: please report it',
};
