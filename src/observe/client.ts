import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Failure } from '../forms/findings.ts';
import { API_PATH, pathOf } from '../forms/request.ts';
import type { AnswerAt, AnswerPath, LinesPath, QuestionAt } from '../forms/routes.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import { limits } from '../limits/table.ts';
import { AGENT_SOCKET, DIALLING, findAgent, type Stranger } from './agent-sockets.ts';

/** No agent answers in this network namespace. */
export class AgentNotRunning extends Error {
  readonly code = 'KNAT_AGENT_NOT_RUNNING';
  override readonly name = 'AgentNotRunning';
  /** One line each. */
  readonly details: readonly string[];
  constructor(strangers: readonly Stranger[] = []) {
    super('no knat agent runs in this network namespace');
    this.details = strangers
      .slice(0, 3)
      .map(
        ({ name, user }) =>
          `the socket ${name} is held by user ${user ?? 'unknown'}, who is not believed: an agent runs as root`,
      );
  }
}

/** The agent runs, but does not answer in time. */
export class AgentSilent extends Error {
  readonly code = 'KNAT_AGENT_SILENT';
  override readonly name = 'AgentSilent';
  constructor(limit: number) {
    super(`the agent did not answer within ${Math.round(limit / 1000)} s`);
  }
}

/** The connection broke before the answer was complete. */
export class AgentEnded extends Error {
  readonly code = 'KNAT_AGENT_ENDED';
  override readonly name = 'AgentEnded';
  constructor(cause: unknown) {
    super('the agent ended before it had answered', { cause });
  }
}

/** The agent answered with an error. */
export class AgentAnsweredError extends Error {
  override readonly name = 'AgentAnsweredError';
  readonly code: string;
  /** One line each. */
  readonly details: readonly string[];
  constructor(code: string, message: string, details: readonly string[]) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Milliseconds to wait for an answer unless the caller says otherwise: a large node may take a minute. */
export const PATIENCE = 300_000;

/** Throws AgentNotRunning, AgentAnsweredError, AgentSilent, AgentEnded. @param limit milliseconds */
export async function askAgent<Path extends AnswerPath>(
  path: Path,
  question?: QuestionAt<Path>,
  limit = PATIENCE,
): Promise<AnswerAt<Path>> {
  return JSON.parse(await call(API_PATH + pathOf(path, question ?? {}), null, limit));
}

/** Characters of one question: well below the limit of the agent, whatever characters these are. */
const QUESTION = limits['question-bytes'].most / 4;

/** The agent checks the flows. They are asked about in several questions if there are many. Throws as `askAgent`. */
export async function explainFlows(
  flows: readonly unknown[],
  limit = PATIENCE,
): Promise<readonly FlowAnswer[]> {
  const answers: FlowAnswer[] = [];
  let texts: string[] = [];
  let length = 0;
  const ask = async () => {
    const answer = await call(`${API_PATH}/explain`, `[${texts.join()}]`, limit);
    answers.push(...(JSON.parse(answer) as FlowAnswer[]));
    texts = [];
    length = 0;
  };
  for (const flow of flows) {
    const text = JSON.stringify(flow);
    if (texts.length > 0 && length + text.length > QUESTION) await ask();
    texts.push(text);
    length += text.length;
  }
  await ask();
  return answers;
}

/**
 * Streams a long or endless answer. Throws as `askAgent`. Leaving the loop early cancels the request.
 *
 * @param limit milliseconds until the answer begins; an endless one may be silent afterwards
 */
export async function* agentPieces<Path extends LinesPath>(
  path: Path,
  question?: QuestionAt<Path>,
  limit = PATIENCE,
): AsyncGenerator<Uint8Array> {
  const answer = await begun(API_PATH + pathOf(path, question ?? {}), null, limit);
  const refusal: Uint8Array[] = [];
  try {
    for await (const piece of answer) {
      if (answer.statusCode === 200) yield piece;
      else refusal.push(piece);
    }
  } catch (error) {
    throw brokenBy(error);
  } finally {
    answer.destroy();
  }
  if (answer.statusCode !== 200)
    throw answeredError(answer.statusCode ?? 0, Buffer.concat(refusal).toString());
}

/** Lines of a streamed answer, several at a time. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
}

/** Checks the listener before anything is sent. Throws AgentNotRunning. */
async function connected(): Promise<RequestOptions> {
  const { socket, strangers } = await findAgent();
  if (socket === null) throw new AgentNotRunning(strangers);
  // Node.js keeps only connections that it opened itself.
  return { socketPath: AGENT_SOCKET, createConnection: () => socket };
}

/** An agent of another version, or its HTTP server itself, may refuse without one of our forms. */
function answeredError(status: number, body: string): AgentAnsweredError {
  const { code, message, details } = failureIn(body);
  return new AgentAnsweredError(
    code ?? 'KNAT_HTTP_REFUSED',
    message ?? `the agent answered with status ${status}`,
    details ?? [],
  );
}

function failureIn(body: string): Partial<Failure> {
  try {
    return JSON.parse(body) as Partial<Failure>;
  } catch {
    return {};
  }
}

/** @param question posted as JSON; null: a GET */
async function call(path: string, question: string | null, limit: number): Promise<string> {
  const until = performance.now() + limit;
  const answer = await begun(path, question, limit);
  const timer = setTimeout(() => answer.destroy(new AgentSilent(limit)), until - performance.now());
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of answer) pieces.push(piece);
  } catch (error) {
    throw brokenBy(error);
  } finally {
    clearTimeout(timer);
  }
  const body = Buffer.concat(pieces).toString();
  if (answer.statusCode === 200) return body;
  throw answeredError(answer.statusCode ?? 0, body);
}

/** The answer, of which the head has arrived. Throws AgentNotRunning, AgentSilent, AgentEnded. */
async function begun(path: string, question: string | null, limit: number): Promise<IncomingMessage> {
  const method = question === null ? 'GET' : 'POST';
  const headers = { host: 'knat', 'content-type': 'application/json' };
  const connection = await connected().catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EAGAIN' ? new AgentSilent(DIALLING) : error;
  });
  const options = { ...connection, path, method, headers };
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(options, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    const timer = setTimeout(() => call.destroy(new AgentSilent(limit)), limit);
    call.on('error', (error) => {
      clearTimeout(timer);
      reject(brokenBy(error));
    });
    call.end(question ?? undefined);
  });
}

function brokenBy(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE' ? new AgentEnded(error) : error;
}
