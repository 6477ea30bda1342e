import type { FactChange } from '../../src/model/facts.ts';
import type { Finding } from '../../src/model/finding.ts';
import { requireFolder } from '../../src/sources/dir/errors.ts';
import { FolderReader } from '../../src/sources/dir/folder-reader.ts';
import { type DirOptions, withDefaults } from '../../src/sources/dir/options.ts';

/** The manifests of a folder as they are now, without a watch. */
export interface FolderContents {
  readonly changes: readonly FactChange[];
  /** In the order of their paths. */
  readonly problems: readonly Finding[];
}

/** Reads all manifests below a folder once. Throws SourceError when the path is no folder. */
export async function readDirOnce(path: string, options: DirOptions = {}): Promise<FolderContents> {
  await requireFolder(path);
  const reading = await new FolderReader(path, withDefaults(options)).readAsItIs();
  const paths = [...reading.problems.keys()].sort();
  return { changes: reading.changes, problems: paths.flatMap((each) => reading.problems.get(each) ?? []) };
}
