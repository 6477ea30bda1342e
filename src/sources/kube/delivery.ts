import type { ObjectKind } from '../../model/facts.ts';
import { Claims } from '../objects/claims.ts';
import { factChange, factKindOf, hasSeveralGroups } from '../objects/fact-object.ts';
import type { SourceSink } from '../source.ts';
import type { ObjectChange, ObjectSink } from './resource-objects.ts';
import type { Resource } from './resources.ts';

/**
 * Merges the objects of all resources. If several API groups serve a kind, objects of all of them count; if two have
 * the same name, the group of the lowest rank decides.
 */
export class Delivery {
  readonly #sink: SourceSink;
  readonly #claims = new Claims();

  constructor(sink: SourceSink) {
    this.#sink = sink;
  }

  of(resource: Resource): ObjectSink {
    const { kind, group } = resource;
    return {
      apply: (changes) => {
        if (hasSeveralGroups(kind)) this.#unite(resource, changes);
        else this.#sink.apply(changes.map(({ key, fact, by }) => factChange(kind, key, fact, by)));
      },
      report: (key, problems) => this.#sink.report(originOf(kind, key, group), problems),
    };
  }

  #unite({ kind, group, version }: Resource, changes: readonly ObjectChange[]): void {
    const rank = factKindOf(`${group}/${version}`, kind)?.rank ?? 0;
    for (const { key, fact } of changes) {
      if (fact === null) this.#claims.remove(kind, key, group);
      else this.#claims.set({ kind, key, owner: group, line: 0, rank, fact });
    }
    const united = this.#claims.takeChanges();
    if (united.length === 0) return;
    const writers = new Map(changes.map(({ key, by }) => [key, by]));
    this.#sink.apply(
      united.map((change) => factChange(change.kind, change.key, change.fact, writers.get(change.key))),
    );
  }
}

/** `kubernetes: Service shop/web`; with the group if several groups serve the kind. */
function originOf(kind: ObjectKind, key: string, group: string): string {
  return hasSeveralGroups(kind) ? `kubernetes: ${kind}.${group} ${key}` : `kubernetes: ${kind} ${key}`;
}
