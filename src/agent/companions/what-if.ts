import type { CompanionFactory } from '../companion.ts';
import { type OwnProgram, WhatIfRuns } from '../what-if/runs.ts';

/** Answers what a change would do, in a process of its own. docs/what-if.md. */
export function whatIfAnswers(program: OwnProgram): CompanionFactory {
  return (agent) => {
    const runs = new WhatIfRuns(agent, program);
    return {
      name: 'what-if',
      routes: (app, routes, { answerPosted }) => {
        answerPosted(app, routes.whatIf, (question, signal) => runs.run('classes', question, signal));
        answerPosted(app, routes.whatIfSummary, (question, signal) => runs.run('summary', question, signal));
      },
    };
  };
}
