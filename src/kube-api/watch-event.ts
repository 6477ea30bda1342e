import { isRecord, recordAt, textAt } from '../base/json.ts';
import { ApiError, statusError } from './api-error.ts';

/** The annotation of the bookmark that ends the objects of a streaming list. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** One line of a watch. `version` is the resourceVersion to continue from. */
export type WatchEvent =
  | { readonly type: 'set' | 'delete'; readonly object: unknown; readonly version: string }
  | { readonly type: 'bookmark'; readonly version: string; readonly endsList: boolean };

/**
 * Throws ApiError: the error of an ERROR event, or `unusable` for an invalid line.
 *
 * @param json reads the text; throws where it is no JSON
 */
export function readWatchEvent(line: string, json: (text: string) => unknown = JSON.parse): WatchEvent {
  const event = parse(line, json);
  const object = isRecord(event) ? event.object : undefined;
  if (!isRecord(object)) throw unusable(line);
  const metadata = recordAt(object, 'metadata');
  const version = textAt(metadata, 'resourceVersion');
  switch (textAt(event, 'type')) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'set', object, version };
    case 'DELETED':
      return { type: 'delete', object, version };
    case 'BOOKMARK': {
      const endsList = textAt(recordAt(metadata, 'annotations'), INITIAL_EVENTS_END) === 'true';
      return { type: 'bookmark', version, endsList };
    }
    case 'ERROR':
      throw statusError(object);
    default:
      throw unusable(line);
  }
}

function parse(line: string, json: (text: string) => unknown): unknown {
  try {
    return json(line);
  } catch {
    throw unusable(line);
  }
}

function unusable(line: string): ApiError {
  return new ApiError('unusable', `the watch sent what is no event: ${line.slice(0, 80)}`);
}
