import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { CommandFailed, type CommandResult, run, runToEnd } from './command.ts';
import { Probe } from './probe.ts';

/** One machine of the lab (node, pod or outside host): a network namespace and its processes. */
export class Host {
  /** Name within the lab: `node1`. */
  readonly name: string;
  /** Name on this machine, for `ip netns exec`. */
  readonly namespace: string;
  #probe: Probe | null = null;

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  command(argv: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace, ...argv];
  }

  /** Returns the standard output; throws `CommandFailed` unless the command exits with 0. */
  run(argv: readonly string[], input = ''): Promise<string> {
    return run(this.command(argv), input);
  }

  /** As `run`, but the caller judges the exit status. */
  runToEnd(argv: readonly string[], input = ''): Promise<CommandResult> {
    return runToEnd(this.command(argv), input);
  }

  /** Starts a long-running command, which ends with the lab. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program = '', ...args] = this.command(argv);
    return spawn(program, args, options);
  }

  /** Runs `ip` commands, one a line without the leading `ip`. Stops with `CommandFailed` at the first that fails. */
  async ip(lines: readonly string[], family: '' | '-4' | '-6' = ''): Promise<void> {
    if (lines.length === 0) return;
    const ip = ['ip', '-netns', this.namespace, ...(family === '' ? [] : [family])];
    const { status, stderr } = await runToEnd([...ip, '-batch', '-'], `${lines.join('\n')}\n`);
    if (status === 0) return;
    const line = /Command failed -:([0-9]+)/.exec(stderr)?.[1];
    throw new CommandFailed([...ip, lines[Number(line) - 1] ?? '-batch -'], status, stderr);
  }

  /** Sets kernel parameters by their names in sysctl(8); a parameter that this kernel lacks is an error. */
  async sysctl(values: Readonly<Record<string, number | string>>): Promise<void> {
    const settings = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    await this.run(['sysctl', '--quiet', '--write', ...settings]);
  }

  /** The process that listens and dials in this host, started at the first call. */
  probe(): Probe {
    this.#probe ??= new Probe(this.name, this.command([process.execPath, Probe.program]));
    return this.#probe;
  }
}
