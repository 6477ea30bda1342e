import type { SettingValues } from '../../../src/cli/options/table.ts';
import type { Expectation } from '../../../src/explain/expectation.ts';
import type { IpAddress } from '../../../src/net/address.ts';
import type { Port } from '../../../src/net/port.ts';
import type { Protocol } from '../../../src/net/protocol.ts';
import type { NodeConfig } from '../../../src/sources/objects/node-config.ts';

/** A scenario file, read. README.md of this folder says what each key means. */
export interface Scenario {
  /** As it was named when it was read. */
  readonly file: string;
  readonly title: string;
  readonly sources: readonly string[];
  readonly node: ScenarioNode;
  /** Options of the agent. */
  readonly agent: SettingValues;
  readonly steps: readonly Step[];
}

/** The machine that the packets pass. */
export interface ScenarioNode {
  readonly name: string;
  /** Of its interface; it masquerades with the first of each family. */
  readonly addresses: readonly IpAddress[];
  readonly programs: readonly Program[];
  /** As the file of `--node-config`. */
  readonly config: NodeConfig;
}

/** A program of the node that listens. */
export interface Program {
  /** Null: every address of the node. */
  readonly address: IpAddress | null;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** What happens, in the order of these fields, and what holds afterwards. */
export interface Step {
  /** Shown of it: its name, or its number. */
  readonly name: string;
  readonly origin: string;
  readonly node: Partial<Omit<ScenarioNode, 'name'>>;
  readonly apply: readonly WrittenObject[];
  /** `Pod/shop/web-0`, `Node/worker-1`. */
  readonly delete: readonly ObjectName[];
  readonly ready: readonly ObjectName[];
  readonly notReady: readonly ObjectName[];
  /** The text of ip-masq-agent's file; undefined: as before. */
  readonly ipMasqAgent: string | undefined;
  /** A new agent reads everything again. */
  readonly restart: boolean;
  /** The plan is as before, and the kernel is not written to. */
  readonly unchanged: boolean;
  readonly entries: readonly WrittenEntry[];
  readonly noEntries: readonly WrittenEntry[];
  readonly findings: readonly ExpectedFinding[];
  readonly packets: readonly Packet[];
}

/** A manifest, and where it stands. */
export interface WrittenObject {
  readonly value: unknown;
  /** `FILE:LINE` of a field of it. */
  readonly originOf: (field: string) => string;
}

export interface ObjectName {
  readonly text: string;
  readonly origin: string;
}

/** Some keys of an entry as `knat entries -o json` has it. */
export interface WrittenEntry {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly origin: string;
}

export interface ExpectedFinding {
  readonly code: string;
  /** `Pod mail/smtp`; absent: whichever. */
  readonly object?: string | undefined;
  readonly origin: string;
}

/** A packet and its expected result: the words of `knat verify`, and some that need a kernel or a connection. */
export interface Packet extends Omit<Expectation, 'as'> {
  readonly origin: string;
  /** Of several the address of the packet's family is meant. */
  readonly as: readonly string[] | undefined;
  /** The source port that the other end sees. */
  readonly asPort: number | 'same' | 'free' | undefined;
  readonly masquerade: boolean | undefined;
  /** Of several that it may reach the client always reaches the same one. */
  readonly sticks: boolean;
  /** The destination has no listener: the kernel's part only sends it. */
  readonly unanswered: boolean;
}
