import { counter, exponential, gauge, histogram } from './definition.ts';

/** Metrics of `knat webhook`. */
export const webhookMetrics = {
  knat_webhook_reviews_total: counter(
    'Reviews that were answered. of no interest: nothing changed that knat reads. not read yet: the cluster was not read completely. cannot be used: knat cannot use the object. failed: an error in knat. All but denied were allowed.',
    {
      outcome: [
        'of no interest',
        'no packet changes',
        'warned',
        'denied',
        'allowed to break',
        'not read yet',
        'cannot be used',
        'failed',
      ],
    },
  ),
  knat_webhook_review_duration_seconds: histogram(
    'One review, from its turn to its answer; receiving it, waiting for a turn and TLS are not included.',
    exponential(0.0001, 2, 14),
  ),
  knat_webhook_refused_total: counter(
    'Requests that got no review, so that the API server allowed the change without one.',
    { reason: ['not a review', 'too large', 'busy'] },
  ),
  knat_webhook_incomplete_total: counter(
    'Reviews that ended before all nodes were looked at, because the time for one review was over or there are too many nodes.',
  ),
  knat_webhook_nodes: gauge('Nodes of the cluster whose plan is ready for reviews.'),
  knat_webhook_synced: gauge('1 when the cluster has been read completely, else 0.'),
  knat_webhook_protected_expectations: gauge('Expectations that are protected.'),
  knat_webhook_certificate_end_timestamp_seconds: gauge(
    'When the certificate in use ends, in seconds since the epoch; 0: there is none yet. It is renewed 30 days before.',
  ),
  knat_webhook_certificate_renewals_total: counter(
    'Certificates that this replica made. All replicas together make one at a time.',
    { what: ['authority', 'certificate'] },
  ),
  knat_webhook_troubles: gauge('Troubles that last: 1 for each code of docs/errors.md.', {
    code: { words: 'code of docs/errors.md' },
  }),
} as const;
