import { printable } from '../../../src/model/printable.ts';

/** The agent answered with an error, or nobody answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** `KNAT_…`; empty where no agent answered. */
  readonly code: string;
  readonly details: readonly string[];

  constructor(code: string, message: string, details: readonly string[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** Asks the agent that served the page; the path is relative to `api/v1/`. Throws ApiError. */
export async function ask<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  const response = await call(path, query, signal);
  return JSON.parse(await response.text(), shown) as Answer;
}

/** A reviver: names and messages of others turn no text around and begin no line on the page. */
function shown(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? printable(value) : value;
}

/** Asks for lines of JSON; gives all of them. Throws ApiError. */
export async function askLines<Line>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Line[]> {
  const text = await (await call(path, query, signal)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line, shown) as Line);
}

async function call(path: string, query: Query, signal?: AbortSignal): Promise<Response> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  let response: Response;
  try {
    response = await fetch(`api/v1/${path}${search === '' ? '' : `?${search}`}`, signal ? { signal } : {});
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('', 'the agent does not answer');
  }
  if (response.ok) return response;
  const said = refusalIn(await response.text());
  throw new ApiError(said.code ?? '', said.message ?? `the agent answered ${response.status}`, said.details);
}

function refusalIn(text: string): Partial<ApiError> {
  try {
    return JSON.parse(text, shown) as Partial<ApiError>;
  } catch {
    return {};
  }
}
