/** Troubles of `knat webhook`, in its log. While they last, changes are allowed. A code never changes its meaning. */
export const webhookCodes = {
  KNAT_WEBHOOK_CERTIFICATES: {
    meaning:
      'The certificates of knat webhook cannot be read, renewed or made known to the API server. Those in use stay in use.',
    remedy:
      'Follow the message: the Secret and the ValidatingWebhookConfiguration of the chart must exist, and its Role and ClusterRole must allow get and update. knat tries again within seconds. knat_webhook_certificate_end_timestamp_seconds says how long the certificate is valid.',
  },
  KNAT_WEBHOOK_EXPECTATIONS: {
    meaning:
      'The file of protected expectations cannot be read, has errors, or has another name than the one that was given. The last good version stays in force; without one nothing is protected.',
    remedy: 'Correct the lines that the message names; docs/webhook.md shows the form.',
  },
  KNAT_WEBHOOK_ADDRESS: {
    meaning:
      'knat webhook cannot listen on an address of --listen or --status-address. It tries again after growing waits.',
    remedy: 'Free the port, or choose another address.',
  },
  KNAT_WEBHOOK_FAILED: {
    meaning: 'An unexpected error while a change was looked at. The change was allowed, with a warning.',
    remedy: 'This is an error in knat: please report it with the log line.',
  },
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;

export type WebhookCode = keyof typeof webhookCodes;
