import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { timers } from '../../base/wake.ts';
import { parseAddress } from '../../net/address.ts';
import { CliError } from '../cli-error.ts';
import { addOptions, valuesOf } from '../commands/command.ts';
import { AGENT_OPTIONS } from '../commands/declarations.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { accessOf } from '../options/source.ts';
import type { SettingValues } from '../options/table.ts';
import { type FlagMeaning, meaningOf, podnatFlags } from './flags.ts';
import { GoFlagError, GoHelpAsked, goUsage, parseGoFlags } from './go-flags.ts';

const PODNAT_CONTROLLER = 'podnat-controller';

/** Milliseconds before a dry run stops waiting for an unreadable cluster. */
const PATIENCE = 10_000;

/**
 * The program podnat-controller: its flags as options of knat agent, its environment (HOSTNAME, KUBECONFIG, NAMESPACE),
 * and only Pod NAT. Options of knat without a flag come from the environment (KNAT_…) and from the file in KNAT_CONFIG;
 * flags take precedence.
 */
export async function runPodnatController(words: readonly string[], context: Context): Promise<void> {
  const asked = readFlags(words, context);
  if (asked === null) return;
  const values: SettingValues = {
    ...asked.standards,
    ...(await knatOptions(context)),
    ...asked.values,
  };
  const { abortWhenAsked } = await import('../../agent/signals.ts');
  const node = await nodeOf(values, asked.nodeId, context, abortWhenAsked());
  if (node === null) return;
  const { runAgentWith } = await import('../commands/agent.ts');
  await runAgentWith({ ...values, ...node }, context, asked.notes);
}

/** Null: the process should end, after help or a usage error. */
function readFlags(words: readonly string[], context: Context): FlagMeaning | null {
  const { terminal } = context;
  try {
    const { values, rest } = parseGoFlags(words, podnatFlags);
    // The wildcard address to listen on; a kernel without IPv6 has no `::`.
    const any = parseAddress(existsSync('/proc/net/if_inet6') ? '::' : '0.0.0.0');
    if (any === null) throw new TypeError('an address of all zeros is one');
    const meaning = meaningOf(values, any);
    if (rest.length === 0) return meaning;
    const note = `from ${JSON.stringify(rest[0])} on the command line is not read: it is no flag`;
    return { ...meaning, notes: [...meaning.notes, note] };
  } catch (error) {
    if (error instanceof GoHelpAsked) {
      terminal.printError(goUsage(PODNAT_CONTROLLER, podnatFlags));
      return null;
    }
    if (!(error instanceof GoFlagError)) throw error;
    terminal.printErrorLine(error.message);
    terminal.printError(goUsage(PODNAT_CONTROLLER, podnatFlags));
    context.exit = EXIT.usage;
    return null;
  }
}

/** Options from the environment and a configuration file. */
async function knatOptions(context: Context): Promise<SettingValues> {
  const command = new Command(PODNAT_CONTROLLER)
    .exitOverride()
    .configureOutput({ writeErr: (text) => context.terminal.printError(text.trimEnd()) })
    .action(() => {});
  addOptions(command, AGENT_OPTIONS);
  command.parse([], { from: 'user' });
  return await valuesOf(command, context);
}

/** The node's full name, and the name of its state; null when stopped meanwhile. */
async function nodeOf(
  values: SettingValues,
  nodeId: string | null,
  context: Context,
  signal: AbortSignal,
): Promise<Pick<SettingValues, 'node' | 'stateNode'> | null> {
  const wanted = nodeId ?? values.node ?? (process.env.HOSTNAME || context.defaultNode);
  const { findNode } = await import('../../sources/kube/node-name.ts');
  const { serveStartingHealth } = await import('../../agent/companions/health.ts');
  const surroundings = { now: () => performance.now(), random: () => Math.random(), ...timers };
  const isOnce = values.dryRun === true || values.once === true;
  const patience = isOnce ? { giveUpAfter: PATIENCE } : {};
  const found = new AbortController();
  const health = values.healthAddress ?? values.httpAddress ?? null;
  const answering =
    isOnce || health === null
      ? null
      : serveStartingHealth(
          health,
          { ...surroundings, wallClock: () => new Date() },
          AbortSignal.any([signal, found.signal]),
        );
  const waiting = (message: string) => context.terminal.printErrorLine(`${PODNAT_CONTROLLER}: ${message}`);
  try {
    const search = { wanted, access: accessOf(values), surroundings, waiting, ...patience };
    const { name, shortName, isShortNameUnique } = await findNode(search, signal);
    return { node: name, stateNode: values.stateNode ?? (isShortNameUnique ? shortName : name) };
  } catch (error) {
    if (signal.aborted) return null;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'KNAT_NODE_NOT_NAMED' || !(error instanceof Error)) throw error;
    const from = nodeId === null ? 'HOSTNAME' : '-nodeid';
    throw new CliError('KNAT_NODE_NOT_NAMED', error.message, [`the name comes from ${from}`]);
  } finally {
    found.abort();
    await answering;
  }
}
