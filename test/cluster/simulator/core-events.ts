import { type ApiObject, objectAt, textAt } from './objects.ts';

/** The Events of events.k8s.io as the core group shows the same objects: what `kubectl describe` reads. */
export function coreEvent(event: ApiObject): ApiObject {
  const {
    regarding,
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...rest
  } = event;
  return {
    ...rest,
    apiVersion: 'v1',
    involvedObject: regarding,
    message: note,
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? null,
    lastTimestamp: deprecatedLastTimestamp ?? null,
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
    reportingComponent: reportingController,
  };
}

/** Fields of the object that an Event is about, whichever group shows it. */
export function involved(event: ApiObject, field: string): string {
  return textAt(objectAt(event, 'involvedObject'), field) || textAt(objectAt(event, 'regarding'), field);
}
