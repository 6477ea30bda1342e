import { routes } from '../../../forms/routes.ts';
import type { FlowsView } from '../../flows-view.ts';
import { answer, answerLines } from '../route.ts';
import type { Routes } from '../routes.ts';

/** The routes of those who read conntrack. Nothing here changes anything. */
export function flowsRoutes(flows: FlowsView): Routes {
  return (app) => {
    answerLines(app, routes.flows, (question) => flows.list(question));
    answerLines(app, routes.watch, (question, signal) => flows.watch(question, signal));
    answer(app, routes.rates, ({ seconds }) => flows.rates(seconds));
    answer(app, routes.pairs, ({ limit }) => flows.pairs(limit));
    answer(app, routes.ports, () => flows.ports());
    answer(app, routes.who, (question) => flows.who(question));
  };
}
