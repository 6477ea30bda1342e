import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { ApiError } from './api-error.ts';

const NEWLINE = 0x0a;

/** Longest line in bytes. An object in etcd has at most 1.5 MiB by default; escapes may make it six times as long. */
const LIMIT = limits['watch-line'].most;

/**
 * For each chunk the lines that it completes. A last line without a line end is dropped, since the stream was cut
 * there. Throws ApiError when a line exceeds `limit` bytes.
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  limit = LIMIT,
): AsyncGenerator<readonly string[]> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      const line = begun.length === 0 ? rest : Buffer.concat([...begun, rest]);
      begun = [];
      length = 0;
      start = end + 1;
      if (line.length > 0) lines.push(line.toString('utf8'));
    }
    if (start < chunk.length) {
      begun.push(chunk.subarray(start));
      length += chunk.length - start;
    }
    if (length > limit) {
      limitReached('watch-line');
      throw new ApiError('unusable', `a line of the watch is longer than ${limit} bytes`);
    }
    yield lines;
  }
}
