import type { Notice } from '../../plan/fragment.ts';

/** What an Event says by its type, its reason and its action; docs/status.md has the same table. */
export interface EventReason {
  readonly type: 'Normal' | 'Warning';
  /** What the agent did, or did not do, as `events.k8s.io/v1` wants it. */
  readonly action: string;
}

/** Every reason of an Event of knat. */
export const eventReasons = {
  NatApplied: { type: 'Normal', action: 'Program' },
  NatInvalid: { type: 'Warning', action: 'Validate' },
  NatConflict: { type: 'Warning', action: 'Settle' },
  NatRestricted: { type: 'Warning', action: 'Validate' },
  NatNoPublicAddress: { type: 'Warning', action: 'Detect' },
  NatHostPortInUse: { type: 'Warning', action: 'Settle' },
  NatBlockedByFirewall: { type: 'Warning', action: 'Program' },
  // kube-proxy's own reason and action, which alerts may know.
  FailedToStartServiceHealthcheck: { type: 'Warning', action: 'Listen' },
} as const satisfies Record<string, EventReason>;

export type EventReasonName = keyof typeof eventReasons;

/** The Event by which a problem of an object is told, by its code. */
export function reasonOfProblem(code: string): EventReasonName {
  return code === 'KNAT_HEALTH_CHECK_PORT' ? 'FailedToStartServiceHealthcheck' : 'NatInvalid';
}

/** The Event by which each finding of the plan is told. */
export const reasonOfNotice: Readonly<Record<Notice['reason'], EventReasonName>> = {
  NatInvalid: 'NatInvalid',
  NatRestricted: 'NatRestricted',
  NatNoPublicAddress: 'NatNoPublicAddress',
  NatHostPortInUse: 'NatHostPortInUse',
  NatBlockedByFirewall: 'NatBlockedByFirewall',
  // The annotation names an address that the node does not have.
  NatAddressNotLocal: 'NatInvalid',
  // The annotation stands on a pod that cannot have a binding.
  NatHostNetwork: 'NatInvalid',
  // Another pool has what this one does not want.
  NatPoolOverridden: 'NatConflict',
};
