import { ofObject, reported } from './limit.ts';

/** What an API server, or a folder, can give. */
export const sourceLimits = {
  'api-answer': reported({
    most: 128 << 20,
    unit: 'bytes',
    of: 'an answer of the API server',
    beyond: 'the answer is not used, and the agent asks again',
    remedy: 'No API server sends so much: check --server, or the proxy in front of it.',
  }),
  'watch-line': reported({
    most: 16 << 20,
    unit: 'bytes',
    of: 'an event of a watch',
    beyond: 'the watch ends, and the objects are listed again',
    remedy: 'No API server sends so much: check --server, or the proxy in front of it.',
  }),
  'manifest-bytes': ofObject('KNAT_MANIFEST_TOO_LARGE', {
    most: 32 << 20,
    unit: 'bytes',
    of: 'a file of manifests',
    beyond: 'the file is not read, and its last good version stays in force',
  }),
  'yaml-document': ofObject('KNAT_MANIFEST_SYNTAX', {
    most: 8 << 20,
    unit: 'characters',
    of: 'a YAML document',
    beyond: 'the file is not used, and its last good version stays in force',
  }),
} as const;
