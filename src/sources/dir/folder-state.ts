import type { FactChange } from '../../model/facts.ts';
import { type Finding, findingOf } from '../../model/finding.ts';
import { formatRef, type ObjectRef } from '../../model/object.ts';
import { type Claim, Claims } from '../objects/claims.ts';
import type { FileObjects } from '../objects/file-objects.ts';
import { lastGoodFinding } from '../objects/parsed.ts';

interface FileState {
  /** Objects in force, by kind and key. */
  claims: ReadonlyMap<string, Claim>;
  problems: readonly Finding[];
}

/**
 * The objects of all files of a folder. No I/O: files come in as parsed contents.
 * The last good state of each file is in force: the previous objects if the file does not parse, the previous value of
 * an object that is rejected. If two files contain an object, the file whose path sorts first decides.
 */
export class FolderState {
  readonly #files = new Map<string, FileState>();
  readonly #claims = new Claims();

  paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** @param isWhole false: the file may be half written, so that what it lacks is not believed to be gone */
  setFile(path: string, contents: FileObjects, isWhole = true): void {
    const before = this.#files.get(path)?.claims ?? new Map<string, Claim>();
    if (contents.objects === null) {
      if (!isWhole) return;
      this.setUnreadable(path, withLastGood(contents.problems, path, before.size));
      return;
    }
    const problems = [...contents.problems];
    const claims = new Map<string, Claim>();
    for (const { kind, key, rank, line, fact, ref } of contents.objects) {
      const id = `${kind}/${key}`;
      if (fact === 'rejected') {
        const last = before.get(id);
        const kept = last?.rank === rank ? last : undefined;
        if (kept !== undefined) claims.set(id, kept);
        problems.push(lastGoodFinding(ref, kept !== undefined, `${path}:${line}`));
      } else if (fact !== null && !claims.has(id))
        claims.set(id, { kind, key, rank, line, owner: path, fact });
    }
    for (const [id, claim] of before) {
      if (claims.has(id)) continue;
      if (isWhole) this.#claims.remove(claim.kind, claim.key, path);
      else claims.set(id, claim);
    }
    for (const claim of claims.values()) this.#claims.set(claim);
    this.#files.set(path, { claims, problems });
  }

  /** The file exists but cannot be read: its previous objects stay in force. */
  setUnreadable(path: string, problems: readonly Finding[]): void {
    const claims = this.#files.get(path)?.claims ?? new Map<string, Claim>();
    this.#files.set(path, { claims, problems });
  }

  removeFile(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    for (const { kind, key } of file.claims.values()) this.#claims.remove(kind, key, path);
    this.#files.delete(path);
  }

  takeChanges(): FactChange[] {
    return this.#claims.takeChanges();
  }

  problems(): Map<string, readonly Finding[]> {
    const problems = new Map<string, readonly Finding[]>();
    for (const [path, file] of this.#files) if (file.problems.length > 0) problems.set(path, file.problems);
    for (const { winner, loser } of this.#claims.conflicts()) {
      const others = problems.get(loser.owner) ?? [];
      problems.set(loser.owner, [...others, duplicateProblem(winner, loser)]);
    }
    return problems;
  }
}

function withLastGood(problems: readonly Finding[], path: string, kept: number): readonly Finding[] {
  if (kept === 0) return problems;
  const objects = kept === 1 ? 'the object' : `the ${kept} objects`;
  const message = `the last good state of this file, ${objects} that it had, stays in force until it is corrected`;
  return [...problems, findingOf('KNAT_LAST_GOOD', null, message, { origin: path })];
}

function duplicateProblem(winner: Claim, loser: Claim): Finding {
  const ref = refOf(loser);
  const first = `${winner.owner}:${winner.line}`;
  const second = `${loser.owner}:${loser.line}`;
  const message = `${formatRef(ref)} is in ${first}, which is used, and in ${second}: remove one of them`;
  return findingOf('KNAT_OBJECT_DUPLICATE', ref, message, { severity: 'error', origin: second });
}

function refOf({ kind, key }: Claim): ObjectRef {
  const slash = key.indexOf('/');
  return { kind, namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}
