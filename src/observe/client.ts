import { type IncomingMessage, type RequestOptions, request } from 'node:http';
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
  const connection = await connected();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request({ ...connection, path, headers: { host: 'knat' } }, resolve);
    call.on('error', reject);
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

/** How a request goes to the agent; who listens is known to be one before a word is said. Throws AgentNotRunning. */
async function connected(): Promise<RequestOptions> {
  const { socket, strangers } = await findAgent();
  if (socket === null) throw new AgentNotRunning(strangers);
  // Node.js keeps no connection that it did not make itself.
  return { socketPath: AGENT_SOCKET, createConnection: () => socket };
}

function answeredError(status: number, answer: unknown): AgentAnsweredError {
  const { code, message, details } = answer as { code?: string; message?: string; details?: string[] };
  return new AgentAnsweredError(
    code ?? 'KNAT_INTERNAL',
    message ?? `the agent answered ${status}`,
    details ?? [],
  );
}

async function call(path: string, question: string | null): Promise<{ status: number; body: string }> {
  const connection = await connected();
  const method = question === null ? 'GET' : 'POST';
  const headers = { host: 'knat', 'content-type': 'application/json' };
  return await new Promise((resolve, reject) => {
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
}
