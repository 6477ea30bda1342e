import { isRecord, recordAt, textAt } from '../base/json.ts';

/**
 * How a request failed.
 * `answered`: the server refused; see `status` and `reason`
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/).
 * `unreachable`: no connection.
 * `broken`: a connection that ended in the middle of an answer.
 * `silent`: a connection without data for too long.
 * `unusable`: the answer is not what the API sends.
 * `credentials`: the configuration or a plugin gave no credentials.
 */
export type ApiFailure = 'answered' | 'unreachable' | 'broken' | 'silent' | 'unusable' | 'credentials';

export class ApiError extends Error {
  readonly failure: ApiFailure;
  /** HTTP status, or the code of an ERROR event; 0 when there was no answer. */
  readonly status: number;
  /** `Expired`, `Forbidden`, …: the machine-readable word of a Status; empty without one. */
  readonly reason: string;
  /** The wait that the server asks for, in milliseconds; null without one. */
  readonly retryAfterMs: number | null;

  constructor(
    failure: ApiFailure,
    message: string,
    details: { status?: number; reason?: string; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ApiError';
    this.failure = failure;
    this.status = details.status ?? 0;
    this.reason = details.reason ?? '';
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/**
 * From the `Status` object in the body, otherwise from its text.
 * @param retryAfter the header, in seconds; a date counts as absent
 */
export function answeredError(status: number, body: string, retryAfter: string | undefined): ApiError {
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  const waitMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = null;
  }
  if (isRecord(parsed) && parsed.kind === 'Status') return statusError(parsed, status, waitMs);
  const text = body.trim().slice(0, 200);
  return new ApiError('answered', text === '' ? `HTTP ${status}` : text, { status, retryAfterMs: waitMs });
}

/** The error of a `Status` object in an answer or an ERROR event of a watch. */
export function statusError(object: unknown, status = 0, retryAfterMs: number | null = null): ApiError {
  const record = isRecord(object) ? object : {};
  const code = typeof record.code === 'number' ? record.code : status;
  const seconds = recordAt(record, 'details').retryAfterSeconds;
  const message = textAt(record, 'message');
  return new ApiError('answered', message === '' ? `status ${code}` : message, {
    status: code,
    reason: textAt(record, 'reason'),
    retryAfterMs: retryAfterMs ?? (typeof seconds === 'number' ? seconds * 1000 : null),
  });
}
