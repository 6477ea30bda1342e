import { CommandFailed, runToEnd } from '../lab/command.ts';

/** This machine cannot run the demo; the message says what is missing. */
export class DemoImpossible extends Error {
  readonly code = 'KNAT_DEMO_IMPOSSIBLE';
  override readonly name = 'DemoImpossible';
  /** One line each, from the output of a program. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}

const PROGRAMS = [
  { argv: ['ip', '-Version'], package: 'iproute2' },
  { argv: ['sysctl', '--version'], package: 'procps' },
  { argv: ['nft', '--version'], package: 'nftables' },
] as const;

/** Throws DemoImpossible unless this process is root and the programs are installed. */
export async function requireMachine(): Promise<void> {
  if (process.platform !== 'linux')
    throw new DemoImpossible('the demo needs Linux: it is made of its namespaces');
  if (process.geteuid?.() !== 0) {
    throw new DemoImpossible('the demo needs root: it makes network namespaces and programs NAT in them');
  }
  for (const { argv, package: name } of PROGRAMS) {
    const started = await runToEnd(argv).catch(() => null);
    if (started === null) {
      const message = `the program ${argv[0]} is not in PATH (package ${name}; it may stand in /usr/sbin)`;
      throw new DemoImpossible(message);
    }
  }
}

/** Explains a stage that could not be built by the kernel or container that forbids it. */
export function explainBuildFailure(error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const message =
    'this machine does not let the demo build its network, which takes network namespaces, veth and bridges';
  return new DemoImpossible(message, [`${error.command}:`, ...error.stderr.trim().split('\n')], {
    cause: error,
  });
}
