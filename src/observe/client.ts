import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Failure } from '../forms/findings.ts';
import { API_PATH, pathOf } from '../forms/request.ts';
import type { AnswerAt, AnswerPath, LinesPath, QuestionAt } from '../forms/routes.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import { AGENT_SOCKET, findAgent, type Stranger } from './agent-sockets.ts';

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

/** Throws AgentNotRunning, AgentAnsweredError. */
export async function askAgent<Path extends AnswerPath>(
  path: Path,
  question?: QuestionAt<Path>,
): Promise<AnswerAt<Path>> {
  return JSON.parse(await call(API_PATH + pathOf(path, question ?? {}), null));
}

/** The agent checks the flows. Throws as `askAgent`. */
export async function explainFlows(flows: unknown): Promise<readonly FlowAnswer[]> {
  return JSON.parse(await call(`${API_PATH}/explain`, JSON.stringify(flows)));
}

/** Streams a long or endless answer. Throws as `askAgent`. Leaving the loop early cancels the request. */
export async function* agentPieces<Path extends LinesPath>(
  path: Path,
  question?: QuestionAt<Path>,
): AsyncGenerator<Uint8Array> {
  const connection = await connected();
  const options = { ...connection, path: API_PATH + pathOf(path, question ?? {}), headers: { host: 'knat' } };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(options, resolve);
    call.on('error', reject);
    call.end();
  });
  const refusal: Uint8Array[] = [];
  try {
    for await (const piece of answer) {
      if (answer.statusCode === 200) yield piece;
      else refusal.push(piece);
    }
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

function answeredError(status: number, body: string): AgentAnsweredError {
  const { code, message, details }: Partial<Failure> = JSON.parse(body);
  return new AgentAnsweredError(
    code ?? 'KNAT_INTERNAL',
    message ?? `the agent answered ${status}`,
    details ?? [],
  );
}

/** @param question posted as JSON; null: a GET */
async function call(path: string, question: string | null): Promise<string> {
  const connection = await connected();
  const method = question === null ? 'GET' : 'POST';
  const headers = { host: 'knat', 'content-type': 'application/json' };
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const call = request({ ...connection, path, method, headers, timeout: 30_000 }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('the agent did not answer within 30 seconds')));
    call.on('error', reject);
    call.end(question ?? undefined);
  });
  if (status === 200) return body;
  throw answeredError(status, body);
}
