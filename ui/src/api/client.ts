import type { Failure } from '../../../src/forms/findings.ts';
import { API_PATH, pathOf } from '../../../src/forms/request.ts';
import type {
  AnswerAt,
  AnswerPath,
  LineAt,
  LinesPath,
  PostedAnswerAt,
  PostedPath,
  PostedQuestionAt,
  QuestionAt,
} from '../../../src/forms/routes.ts';
import { printable } from '../../../src/model/printable.ts';

/** The agent answered with an error, or no agent answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** `KNAT_…`; empty if no agent answered. */
  readonly code: string;
  readonly details: readonly string[];

  constructor(code: string, message: string, details: readonly string[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Asks the agent that served the page. Throws ApiError. */
export async function ask<Path extends AnswerPath>(
  path: Path,
  question: QuestionAt<Path>,
  signal: AbortSignal,
): Promise<AnswerAt<Path>> {
  return JSON.parse(await call(pathOf(path, question), signal), shown);
}

/** Collects all lines of JSON. Throws ApiError. */
export async function askLines<Path extends LinesPath>(
  path: Path,
  question: QuestionAt<Path>,
  signal: AbortSignal,
): Promise<LineAt<Path>[]> {
  const text = await call(pathOf(path, question), signal);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line, shown));
}

/** The lines of JSON as they come. Throws ApiError. */
export async function* askStream<Path extends LinesPath>(
  path: Path,
  question: QuestionAt<Path>,
  signal: AbortSignal,
): AsyncGenerator<LineAt<Path>> {
  const { body } = await answered(pathOf(path, question), signal);
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line, shown);
  }
}

/** Posts a question that is too long for an address. Throws ApiError. */
export async function askPosted<Path extends PostedPath>(
  path: Path,
  question: PostedQuestionAt<Path>,
  signal: AbortSignal,
): Promise<PostedAnswerAt<Path>> {
  return JSON.parse(await call(path, signal, JSON.stringify(question)), shown);
}

/** A reviver: foreign text must not reverse the page's text or begin new lines. */
function shown(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? printable(value) : value;
}

async function call(path: string, signal: AbortSignal, posted: string | null = null): Promise<string> {
  return await (await answered(path, signal, posted)).text();
}

/** Relative to the page's address, so that it works behind a proxy's path. */
async function answered(path: string, signal: AbortSignal, posted: string | null = null): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  const request = posted === null ? { signal } : { signal, method: 'POST', headers, body: posted };
  let response: Response;
  try {
    response = await fetch(`.${API_PATH}${path}`, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('', 'the agent does not answer');
  }
  if (response.ok) return response;
  const said = refusalIn(await response.text());
  throw new ApiError(said.code ?? '', said.message ?? `the agent answered ${response.status}`, said.details);
}

function refusalIn(text: string): Partial<Failure> {
  try {
    return JSON.parse(text, shown);
  } catch {
    return {};
  }
}
