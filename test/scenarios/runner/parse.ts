import { readFileSync } from 'node:fs';
import { CliError } from '../../../src/cli/cli-error.ts';
import { parseConfig } from '../../../src/cli/options/config-file.ts';
import type { SettingValues } from '../../../src/cli/options/table.ts';
import { familyOf, parseAddress } from '../../../src/net/address.ts';
import { fieldSteps, type ManifestRoot } from '../../../src/sources/objects/manifest-root.ts';
import { readRoots } from '../../../src/sources/objects/manifest-text.ts';
import type { NodeConfig } from '../../../src/sources/objects/node-config.ts';
import { parseNodeConfig } from '../../../src/sources/objects/node-config-file.ts';
import { errorLines, keyHint, schemaErrors } from '../../../src/sources/objects/schema-errors.ts';
import type { Packet, Scenario, ScenarioNode, Step, WrittenObject } from './scenario.ts';
import {
  fileSchema,
  keysAt,
  type WrittenFile,
  type WrittenNode,
  type WrittenPacket,
  type WrittenStep,
} from './schema.ts';

/** A scenario file that cannot be used; one line for each error, with file and line. */
export class ScenarioInvalid extends Error {
  override readonly name = 'ScenarioInvalid';
  readonly details: readonly string[];

  constructor(details: readonly string[]) {
    super(details.join('\n'));
    this.details = details;
  }
}

/** Reads a scenario file. Throws ScenarioInvalid. */
export function readScenario(path: string): Scenario {
  return parseScenario(readFileSync(path, 'utf8'), path);
}

/** As `readScenario`; the name of the file is for origins alone. */
export function parseScenario(text: string, file: string): Scenario {
  const roots = readRoots(text, file);
  if ('message' in roots) throw new ScenarioInvalid([`${file}:${roots.line}: ${roots.message}`]);
  const [root, second] = roots.filter(({ value }) => value !== null);
  if (root === undefined)
    throw new ScenarioInvalid([`${file}:1: the file is empty: write title, node and steps`]);
  if (second !== undefined) {
    const line = second.lineOf([]);
    throw new ScenarioInvalid([
      `${file}:${line}: a scenario is one document: write its objects under objects or apply`,
    ]);
  }
  const parsed = fileSchema.safeParse(root.value);
  if (!parsed.success) {
    const errors = schemaErrors(parsed.error.issues, (key, steps) => keyHint(key, keysAt(steps)));
    throw new ScenarioInvalid(errorLines(errors, root, file));
  }
  return new Reader(root, file).scenario(parsed.data);
}

type Steps = readonly (string | number)[];

/** Turns what is of the right form into a scenario. */
class Reader {
  readonly #root: ManifestRoot;
  readonly #file: string;

  constructor(root: ManifestRoot, file: string) {
    this.#root = root;
    this.#file = file;
  }

  scenario({ title, source, node, agent, objects, steps }: WrittenFile): Scenario {
    return {
      file: this.#file,
      title,
      sources: source,
      node: { name: node.name, addresses: [], programs: [], config: {}, ...this.#node(node, ['node']) },
      agent: this.#options(agent ?? {}),
      steps: steps.map((step, index) => {
        const read = this.#step(step, index);
        return index > 0
          ? read
          : { ...read, apply: [...this.#manifests(objects, ['objects']), ...read.apply] };
      }),
    };
  }

  #step(step: WrittenStep, number: number): Step {
    const at = ['steps', number];
    const named = (key: 'delete' | 'ready' | 'notReady') =>
      (step[key] ?? []).map((text, index) => ({ text, origin: this.#origin([...at, key, index]) }));
    const entries = (key: 'entries' | 'noEntries') =>
      (step[key] ?? []).map((keys, index) => ({ keys, origin: this.#origin([...at, key, index]) }));
    const restart = step.restart ?? false;
    const changes = [step.node, step.apply, step.delete, step.ready, step.notReady, step.ipMasqAgent];
    const isRestartAlone = restart && number > 0 && changes.every((change) => change === undefined);
    return {
      name: step.name ?? `step ${number + 1}`,
      origin: this.#origin(at),
      node: this.#node(step.node ?? {}, [...at, 'node']),
      apply: this.#manifests(step.apply, [...at, 'apply']),
      delete: named('delete'),
      ready: named('ready'),
      notReady: named('notReady'),
      ipMasqAgent: step.ipMasqAgent,
      restart,
      unchanged: step.unchanged ?? isRestartAlone,
      entries: entries('entries'),
      noEntries: entries('noEntries'),
      findings: (step.findings ?? []).map((finding, index) => ({
        ...finding,
        origin: this.#origin([...at, 'findings', index]),
      })),
      packets: (step.packets ?? []).flatMap((packet, index) =>
        packetsOf(packet, this.#origin([...at, 'packets', index])),
      ),
    };
  }

  #manifests(values: WrittenStep['apply'] = [], at: Steps): WrittenObject[] {
    return values.map((value, index) => ({
      value,
      originOf: (field) => this.#origin([...at, index, ...fieldSteps(field)]),
    }));
  }

  #node({ addresses, programs, config }: Omit<WrittenNode, 'name'>, at: Steps): Partial<ScenarioNode> {
    return {
      ...(addresses === undefined ? {} : { addresses }),
      ...(programs === undefined ? {} : { programs }),
      ...(config === undefined ? {} : { config: this.#nodeConfig(config, [...at, 'config']) }),
    };
  }

  #nodeConfig(value: unknown, at: Steps): NodeConfig {
    const result = parseNodeConfig(JSON.stringify(value), this.#file);
    if (result.ok) return result.config;
    throw new ScenarioInvalid(
      result.problems.map(
        ({ field, message }) => `${this.#origin([...at, ...fieldSteps(field)])}: ${field}: ${message}`,
      ),
    );
  }

  #options(value: Readonly<Record<string, unknown>>): SettingValues {
    try {
      return parseConfig(JSON.stringify(value), this.#file);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      const lines = error.details.map((detail) => {
        const [, key = '', message = ''] = /:\d+: (\w+): (.*)$/.exec(detail) ?? [];
        return `${this.#origin(['agent', key])}: agent.${key}: ${message}`;
      });
      throw new ScenarioInvalid(lines);
    }
  }

  #origin(steps: Steps): string {
    return `${this.#file}:${this.#root.lineOf(steps)}`;
  }
}

/** One packet for each combination of what is written as a list; ends of different families make none. */
function packetsOf({ from, to, proto, family, ...rest }: WrittenPacket, origin: string): Packet[] {
  const { asPort, masquerade, as, sticks = false, unanswered = false } = rest;
  const each = { ...rest, asPort, masquerade, as, sticks, unanswered, origin };
  return from.flatMap((sender) =>
    to
      .filter((target) => isOneFamily(sender, target))
      .flatMap((target) =>
        (proto ?? [undefined]).flatMap((protocol) =>
          (family ?? [undefined]).map((one) => {
            return { ...each, from: sender, to: target, proto: protocol, family: one };
          }),
        ),
      ),
  );
}

function isOneFamily(...places: readonly string[]): boolean {
  const families = places.flatMap((place) => {
    const [, v6, v4] = /^(?:\[(.+)\]|([^:]+))(?::[^:]*)?$/.exec(place) ?? [];
    const address = parseAddress(v6 ?? v4 ?? '') ?? parseAddress(place);
    return address === null ? [] : [familyOf(address)];
  });
  return new Set(families).size <= 1;
}
