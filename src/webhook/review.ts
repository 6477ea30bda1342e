import { isRecord, recordAt, textAt } from '../base/json.ts';

/** What the API server asks: `request` of an AdmissionReview (admission.k8s.io/v1). */
export interface ReviewRequest {
  /** Comes back with the answer. */
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** `v1`, `discovery.k8s.io/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Null for DELETE. */
  readonly object: unknown;
  /** Null for CREATE. */
  readonly oldObject: unknown;
}

/** Whether the change may be made, and what is said about it. */
export interface ReviewAnswer {
  /** Null: allowed. */
  readonly denial: string | null;
  readonly warnings: readonly string[];
}

export const ALLOWED: ReviewAnswer = { denial: null, warnings: [] };

const API_VERSION = 'admission.k8s.io/v1';
const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE'] as const;

/** Returns a text if this is no AdmissionReview that can be answered. */
export function readReview(body: unknown): ReviewRequest | string {
  if (!isRecord(body) || body.kind !== 'AdmissionReview') return 'the body is no AdmissionReview';
  if (body.apiVersion !== API_VERSION) return `the AdmissionReview is not of ${API_VERSION}`;
  const request = recordAt(body, 'request');
  const uid = textAt(request, 'uid');
  const operation = OPERATIONS.find((each) => each === request.operation);
  if (uid === '' || operation === undefined) return 'the AdmissionReview has no uid or no known operation';
  const kind = recordAt(request, 'kind');
  const [group, version] = [textAt(kind, 'group'), textAt(kind, 'version')];
  return {
    uid,
    operation,
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: textAt(kind, 'kind'),
    namespace: textAt(request, 'namespace'),
    name: textAt(request, 'name'),
    object: request.object ?? null,
    oldObject: request.oldObject ?? null,
  };
}

/** The AdmissionReview that answers. */
export function reviewAnswer(uid: string, { denial, warnings }: ReviewAnswer): object {
  return {
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: denial === null,
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(denial === null ? {} : { status: { code: 403, reason: 'Forbidden', message: denial } }),
    },
  };
}
