import { z } from '@hono/zod-openapi';
import { difference } from './difference.ts';
import { entryPage, poolMatrix, pools } from './entries.ts';
import { conflict, notice, pageOf, problem } from './findings.ts';
import { flowEvent, flowLine, pairs, ports, rates, who } from './flows.ts';
import { activityPage, history, metrics } from './history.ts';
import { journal } from './journal.ts';
import {
  entryQuestion,
  flowQuestion,
  journalQuestion,
  listQuestion,
  momentQuestion,
  packetQuestion,
  placeQuestion,
  type Question,
  traceQuestion,
} from './questions.ts';
import { status, summary } from './status.ts';
import { traceLine } from './trace.ts';
import { lines, places, walk } from './walk.ts';
import { whatIf, whatIfQuestion, whatIfSummary } from './what-if.ts';

/** A path that answers with JSON. */
export interface AnswerRoute<
  Path extends string = string,
  Query extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly path: Path;
  readonly summary: string;
  readonly query: Query;
  readonly answer: Answer;
}

/** A path that answers with lines of JSON, written as they are made. */
export interface LinesRoute<
  Path extends string = string,
  Query extends z.ZodObject = z.ZodObject,
  Line extends z.ZodType = z.ZodType,
> {
  readonly path: Path;
  readonly summary: string;
  readonly query: Query;
  readonly line: Line;
}

function get<Path extends string, Query extends z.ZodObject, Answer extends z.ZodType>(
  path: Path,
  summary: string,
  query: Query,
  answer: Answer,
): AnswerRoute<Path, Query, Answer> {
  return { path, summary, query, answer };
}

function getLines<Path extends string, Query extends z.ZodObject, Line extends z.ZodType>(
  path: Path,
  summary: string,
  query: Query,
  line: Line,
): LinesRoute<Path, Query, Line> {
  return { path, summary, query, line };
}

/** Maximum length of a text in a question, in characters. */
const LONGEST = 600;

/** A path that takes a JSON text and answers with JSON. It changes nothing either: the question is too long for an address. */
export interface PostedRoute<
  Path extends string = string,
  Question extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly path: Path;
  readonly summary: string;
  readonly question: Question;
  readonly posted: Answer;
}

function post<Path extends string, Question extends z.ZodType, Answer extends z.ZodType>(
  path: Path,
  summary: string,
  question: Question,
  posted: Answer,
): PostedRoute<Path, Question, Answer> {
  return { path, summary, question, posted };
}

function asked<Terms extends Question>(terms: Terms) {
  const parameters = Object.entries(terms).map(([name, { help, example }]) => [
    name,
    z
      .string()
      .max(LONGEST)
      .optional()
      .openapi({ description: help, ...(example === undefined ? {} : { example }) }),
  ]);
  type Shape = { readonly [Name in keyof Terms]: z.ZodOptional<z.ZodString> };
  return z.object(Object.fromEntries(parameters) as Shape);
}

function number(least: number, greatest: number, fallback: number) {
  return z.coerce.number<number | string>().int().min(least).max(greatest).default(fallback);
}

const nothing = z.object({});

const offsetPage = z.object({
  search: z
    .string()
    .max(LONGEST)
    .default('')
    .openapi({ description: 'text anywhere in an item; upper and lower case are equal' }),
  offset: number(0, 1_000_000, 0),
  limit: number(1, 1000, 100),
});
export type OffsetPage = z.output<typeof offsetPage>;

/** Also used by `/entries/list`. */
export const entryFilter = asked(entryQuestion);
const packet = asked({ ...packetQuestion, ...momentQuestion });
const flows = asked(flowQuestion);
const trace = asked(traceQuestion);

/** Every path of the API below `/api/v1`. */
export const routes = {
  status: get('/status', 'The agent’s own account of itself', nothing, status),
  summary: get(
    '/summary',
    'The same, with conflicts, notices and problems only as numbers',
    nothing,
    summary,
  ),
  problems: get(
    '/problems',
    'What cannot be read, and what goes wrong beside NAT',
    offsetPage,
    pageOf('ProblemPage', problem),
  ),
  conflicts: get(
    '/conflicts',
    'What several objects want, and who has it',
    offsetPage,
    pageOf('ConflictPage', conflict),
  ),
  notices: get(
    '/notices',
    'Why objects, or parts of them, get no NAT',
    offsetPage,
    pageOf('NoticePage', notice),
  ),
  entries: get(
    '/entries',
    'What is programmed, entry by entry, in order of the keys',
    entryFilter.extend({
      after: z.string().max(LONGEST).optional().openapi({ description: '`next` of the previous page' }),
      limit: number(1, 5000, 100),
    }),
    entryPage,
  ),
  pools: get('/pools', 'The pools, and what follows from them together', nothing, pools),
  poolMatrix: get(
    '/pools/matrix',
    'Whether pods of a pool leave with another address, towards each pool and the outside',
    z.object({ limit: number(1, 100, 24) }),
    poolMatrix,
  ),
  explain: get('/explain', 'What happens to a packet, and why, step by step', packet, walk),
  describe: get(
    '/describe',
    'The same as lines of 80 columns; long lists are counted, unless all is true',
    asked({ ...packetQuestion, ...momentQuestion, ...listQuestion }),
    lines,
  ),
  places: get(
    '/places',
    'Pods, Services and nodes whose name begins with a text, for completion',
    asked(placeQuestion),
    places,
  ),
  difference: get(
    '/diff',
    'What differs between the plan and the kernel, by object and by element; writes nothing',
    z.object({
      limit: number(0, 1_000_000, 1000).openapi({ description: 'list at most this many elements' }),
    }),
    difference,
  ),
  activity: get(
    '/activity',
    'What the agent did and found lately, the oldest first; the last 512 records are kept',
    z.object({
      after: number(0, Number.MAX_SAFE_INTEGER, 0).openapi({
        description: 'only records with a greater sequence: `newest` of the previous answer',
      }),
    }),
    activityPage,
  ),
  history: get(
    '/history',
    'How long programming the kernel took in the last hour; spans without any are left out',
    nothing,
    history,
  ),
  journal: get(
    '/journal',
    'Who changed what, when, and what it did to packets (from the history of the agent)',
    asked(journalQuestion),
    journal,
  ),
  metrics: get('/metrics', 'Every metric as data; /metrics has them for Prometheus', nothing, metrics),
  flows: getLines(
    '/flows',
    'The connections that are translated, a line each; the last line says how many were looked at',
    flows,
    flowLine,
  ),
  watch: getLines(
    '/flows/watch',
    'Connections as they begin, change and end, a line each, until the reader goes away',
    flows,
    flowEvent,
  ),
  trace: getLines(
    '/trace',
    'What the next packets of a kind do, step by step, a line each; one trace at a time (409: somebody has it)',
    trace,
    traceLine,
  ),
  rates: get(
    '/flows/rates',
    'How much bindings, Services and pools translate, from two looks at the connections',
    z.object({ seconds: number(1, 60, 2).openapi({ description: 'between the two readings' }) }),
    rates,
  ),
  pairs: get(
    '/flows/pairs',
    'Who is translated to whom: the busiest frontends, bindings and pools, and where they lead',
    z.object({ limit: number(1, 1000, 40) }),
    pairs,
  ),
  ports: get(
    '/flows/ports',
    'How full the source ports are, by address and destination; the fullest first',
    nothing,
    ports,
  ),
  who: get(
    '/flows/who',
    'Who used an address and port at a time (from the attribution log)',
    z.object({
      address: z.string().openapi({ description: 'ADDRESS:PORT' }),
      at: z.string().optional().openapi({ description: 'RFC 3339, 2h (ago), or a position (default: now)' }),
      protocol: z.string().optional(),
    }),
    who,
  ),
  whatIf: post(
    '/what-if',
    'What a change of objects would do to packets: the exact classes of packets whose fate changes',
    whatIfQuestion,
    whatIf,
  ),
  whatIfSummary: post(
    '/what-if/summary',
    'The same for people: by object, and only so many as a reader can take',
    whatIfQuestion,
    whatIfSummary,
  ),
} as const;

type Route = (typeof routes)[keyof typeof routes];
type Questions = {
  readonly [At in Extract<Route, { readonly query: z.ZodObject }> as At['path']]: z.input<At['query']>;
};
type Answers = {
  readonly [At in Extract<Route, { readonly answer: z.ZodType }> as At['path']]: z.output<At['answer']>;
};
type Lines = {
  readonly [At in Extract<Route, { readonly line: z.ZodType }> as At['path']]: z.output<At['line']>;
};

export type AnswerPath = keyof Answers;
export type LinesPath = keyof Lines;

type Posted = Extract<Route, { readonly posted: z.ZodType }>;
type PostedQuestions = { readonly [At in Posted as At['path']]: z.input<At['question']> };
type PostedAnswers = { readonly [At in Posted as At['path']]: z.output<At['posted']> };

/** Paths that take a posted question, their questions and answers. */
export type PostedPath = keyof PostedAnswers;
export type PostedQuestionAt<Path extends PostedPath> = PostedQuestions[Path];
export type PostedAnswerAt<Path extends PostedPath> = PostedAnswers[Path];
export const POSTED_PATHS: readonly string[] = Object.values(routes).flatMap((route) =>
  'posted' in route ? [route.path] : [],
);

/** The question of a path, as a client writes it. */
export type QuestionAt<Path extends AnswerPath | LinesPath> = Questions[Path];

/** The answer of a path, or a line of the answer. */
export type AnswerAt<Path extends AnswerPath> = Answers[Path];
export type LineAt<Path extends LinesPath> = Lines[Path];
