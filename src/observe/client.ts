import { type IncomingMessage, request } from 'node:http';
import { AGENT_SOCKET } from './socket-address.ts';

/** No agent answers in this network namespace. */
export class AgentNotRunning extends Error {
  readonly code = 'KNAT_AGENT_NOT_RUNNING';
  override readonly name = 'AgentNotRunning';
  constructor() {
    super('no knat agent runs in this network namespace');
  }
}

/** The agent answered with an error of its own. */
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

/**
 * Asks the agent of this network namespace; with `question`, posts it as JSON. Throws AgentNotRunning, or what the
 * agent says is wrong.
 */
export async function askAgent(path: string, question?: unknown): Promise<unknown> {
  const { status, body } = await call(path, question === undefined ? null : JSON.stringify(question));
  const answer: unknown = JSON.parse(body);
  if (status === 200) return answer;
  throw answeredError(status, answer);
}

/**
 * An answer as it comes, in pieces of any length: for answers that are long or never end. Throws as `askAgent`; whoever
 * stops early ends the answer.
 */
export async function* agentPieces(path: string): AsyncGenerator<Uint8Array> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request({ socketPath: AGENT_SOCKET, path, headers: { host: 'knat' } }, resolve);
    call.on('error', (error: NodeJS.ErrnoException) => reject(explained(error)));
    call.end();
  });
  const refusal: Uint8Array[] = [];
  try {
    for await (const piece of answer as AsyncIterable<Uint8Array>) {
      if (answer.statusCode === 200) yield piece;
      else refusal.push(piece);
    }
  } finally {
    answer.destroy();
  }
  if (answer.statusCode !== 200) {
    throw answeredError(answer.statusCode ?? 0, JSON.parse(Buffer.concat(refusal).toString()));
  }
}

/** The lines of such an answer, several at a time. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
}

function explained(error: NodeJS.ErrnoException): Error {
  return error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? new AgentNotRunning() : error;
}

function answeredError(status: number, answer: unknown): AgentAnsweredError {
  const { code, message, details } = answer as { code?: string; message?: string; details?: string[] };
  return new AgentAnsweredError(
    code ?? 'KNAT_INTERNAL',
    message ?? `the agent answered ${status}`,
    details ?? [],
  );
}

function call(path: string, question: string | null): Promise<{ status: number; body: string }> {
  const method = question === null ? 'GET' : 'POST';
  const headers = { host: 'knat', 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: AGENT_SOCKET, path, method, headers, timeout: 30_000 }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('the agent did not answer within 30 seconds')));
    call.on('error', (error: NodeJS.ErrnoException) => {
      reject(explained(error));
    });
    call.end(question ?? undefined);
  });
}
