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
  return (await response.json()) as Answer;
}

/** Asks for lines of JSON; gives all of them. Throws ApiError. */
export async function askLines<Line>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Line[]> {
  const text = await (await call(path, query, signal)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
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
  const said = (await response.json().catch(() => ({}))) as Partial<ApiError>;
  throw new ApiError(said.code ?? '', said.message ?? `the agent answered ${response.status}`, said.details);
}
