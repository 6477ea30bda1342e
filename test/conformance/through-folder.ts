import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { answerFlows } from '../../src/agent/explain-query.ts';
import { composeNodeFacts } from '../../src/agent/node-facts.ts';
import type { FlowAnswer } from '../../src/forms/walk.ts';
import { type Finding, formatFinding } from '../../src/model/finding.ts';
import type { PodNatRequest } from '../../src/model/pod.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { parseNodeConfig } from '../../src/sources/objects/node-config-file.ts';
import { readDirOnce } from '../generators/folder-contents.ts';

export interface FolderAnswers {
  readonly answers: readonly FlowAnswer[];
  readonly problems: readonly Finding[];
  /** How the annotations of Pods were read, by `namespace/name`. */
  readonly nat: ReadonlyMap<string, PodNatRequest>;
}

/** A folder of manifests for one test file: `knat explain --source dir:PATH --node-config FILE --flows FILE`, without the process. */
export class ManifestFolder {
  readonly #path = mkdtempSync(join(tmpdir(), 'knat-oracle-'));

  /**
   * The answers, and what was said about the objects. Throws when the node configuration cannot be read.
   * @param files the contents of the folder, by name
   */
  async explain(
    files: ReadonlyMap<string, string>,
    nodeConfig: { readonly nodeName: string },
    flows: readonly object[],
  ): Promise<FolderAnswers> {
    for (const name of readdirSync(this.#path)) rmSync(join(this.#path, name));
    for (const [name, text] of files) writeFileSync(join(this.#path, name), text);
    const { changes, problems } = await readDirOnce(this.#path);
    const node = parseNodeConfig(JSON.stringify(nodeConfig), 'node-config.json');
    if (!node.ok) throw new TypeError(node.problems.map(formatFinding).join('\n'));
    const planner = new Planner(
      composeNodeFacts(nodeConfig.nodeName, undefined, node.config, null),
      defaultPlanOptions,
    );
    planner.apply(changes);
    const object = planner.nodes.get(nodeConfig.nodeName);
    planner.setNode(composeNodeFacts(nodeConfig.nodeName, object, node.config, null));
    planner.update();
    const nat = new Map(
      [...planner.pods].flatMap(([key, pod]) => (pod.nat === null ? [] : [[key, pod.nat] as const])),
    );
    return { answers: answerFlows(planner, flows), problems, nat };
  }

  dispose(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

/** One document each. */
export function asYaml(manifests: readonly object[]): string {
  return manifests.map((manifest) => stringify(manifest, { aliasDuplicateObjects: false })).join('---\n');
}
