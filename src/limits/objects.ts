import { ofObject } from './limit.ts';

/** What one object can ask for. */
export const objectLimits = {
  'service-endpoints': ofObject('NatInvalid', {
    most: 32_768,
    unit: 'endpoints',
    of: 'endpoints of a Service port that get new connections',
    beyond: 'the endpoints with the highest addresses get no new connections',
  }),
  'pod-entries': ofObject('NatInvalid', {
    most: 1_024,
    unit: 'entries',
    of: "entries of a Pod's annotation",
    beyond: 'the annotation is not used',
  }),
} as const;
