import { z } from '@hono/zod-openapi';
import { conflict, notice, problem } from './findings.ts';
import { count, flag, form, list, text, texts, time } from './form.ts';

const account = {
  version: text,
  processId: z.int().openapi({ description: 'of the agent, in its own process namespace' }),
  node: text,
  source: text.openapi({ example: 'kubernetes' }),
  enabled: form({ service: flag, pod: flag, egress: flag }),
  startedAt: time,
  synced: flag.openapi({ description: 'every source has delivered all objects that existed at the start' }),
  capabilities: form({ kernel: text.openapi({ description: 'as uname -r prints it' }) }),
  programmed: form({
    revision: count,
    skeleton: z.enum(['kept', 'loaded', 'changed', 'swapped']),
    elementsAdded: count,
    elementsDeleted: count,
    compared: z.enum(['changes', 'everything']),
    at: time,
    milliseconds: z.number(),
  })
    .nullable()
    .openapi({ description: 'the last change of the kernel; null: none yet' }),
  failure: form({ message: text, since: time })
    .nullable()
    .openapi({ description: 'why the kernel does not match the plan at the moment; null: it does' }),
  kubeProxy: form({
    found: texts,
    since: time.openapi({ description: 'present without interruption since then' }),
    removals: count.openapi({ description: 'how often this agent has removed its rules' }),
    keepsServices: flag.openapi({ description: 'it does Service NAT, and knat leaves that to it' }),
  })
    .nullable()
    .openapi({ description: 'kube-proxy or its rules beside this agent; null: none, or Service NAT is off' }),
  state: form({
    level: z.enum(['good', 'warning', 'bad']),
    text: text.openapi({ example: 'in force' }),
    why: text,
  }).openapi({ description: 'whether the kernel does what is wanted, in a few words' }),
  counts: form({ frontends: count, bindings: count, podSources: count, pools: count }),
  findings: form({ conflicts: count, notices: count, problems: count }).openapi({
    description: 'lengths of the three lists of /status',
  }),
};

/** Status without the lists of findings, for frequent questions. */
export const summary = form(account).openapi('Summary');
export type Summary = z.output<typeof summary>;

export const status = form({
  ...account,
  conflicts: list(conflict),
  notices: list(notice),
  problems: list(problem),
}).openapi('Status');

/** For `knat status -o json` and `/status`. */

export type Status = z.output<typeof status>;
