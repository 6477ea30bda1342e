import { settings } from '../../src/cli/options/table.ts';
import type { Limit, Unit } from '../../src/limits/limit.ts';
import { limitGroups } from '../../src/limits/table.ts';

/** Limits that options set, and what each bounds. */
const optional: Readonly<Record<string, string>> = {
  maxSourceNetworksPerList: 'networks of one list of sources',
  maxSourceNetworksPerNamespace: "networks in the lists of a namespace's Services and Pods",
  maxSourceNetworksPerNode: 'networks in all lists of sources on a node',
  podNatMaxEntriesPerNamespace: "ports and port ranges that a namespace's Pods bind on a node",
  podNatMaxEntriesPerNode: 'ports and port ranges of all Pods on a node',
  historyMib: 'the history on the disk',
  attributionLogMib: 'the attribution log',
};

/** The text of docs/limits.md. */
export function limitsDocument(): string {
  return `# Limits

The agent shares a node with everything else, and many people can send it objects, packets and questions. This page has every limit that
keeps one of them from taking what the others need. It is made from \`src/limits/\` by \`scripts/generate-docs\`; a test compares the two,
and another fails for a limit that nobody measures or that no test reaches.

No limit stops NAT: what is translated goes on, and changes of other objects are programmed.

* **How you see it**: \`knat_limit_reached_total{limit="…"}\` counts how often each limit changed what the agent did (\`docs/metrics.md\`).
  Where "told" says \`KNAT_LIMIT_REACHED\`, the log and \`knat status\` say so too, with what to do, until ten minutes after the last time.
  Where it has another code, the limit belongs to one object: that object gets a finding and an Event with this code, and
  \`knat_notices\` or \`knat_problems\` counts them. The others are reached in normal work.
* **How they are tested**: \`make starve\` lets clients and objects take all they can get from an agent with the memory of the chart and 4,096
  descriptors: 3,000 silent connections, 1,000 clients that send a byte a second, 300 that never read or send questions ahead, ten that
  list 200,000 connections at once, 100,000 changes a minute, Services with 100,000 endpoints, 65,535 ports, or annotations of 1 MiB. Beside an
  idle agent, in turns, it measures what a change of another object waits for. \`make test\` runs a short form.

${Object.entries(limitGroups)
  .map(([title, rows]) => `## ${title}\n\n${table(rows)}`)
  .join('\n\n')}

## What options set

| option | bounds | default |
|---|---|---|
${Object.entries(optional).map(optionRow).join('\n')}

The webhook is another process and has limits of its own: \`docs/webhook.md\`.
`;
}

function table(rows: Readonly<Record<string, Limit>>): string {
  const lines = Object.entries(rows).map(([name, { most, unit, of, beyond, told }]) => {
    const code =
      told.by === 'finding' ? '`KNAT_LIMIT_REACHED`' : told.by === 'code' ? `\`${told.code}\`` : '';
    const remedy = told.by === 'finding' ? ` ${told.remedy}` : '';
    return `| \`${name}\` | ${amount(most, unit)} | ${of} | ${beyond}.${remedy} | ${code} |`;
  });
  return ['| limit | at most | of | beyond that | told |', '|---|---|---|---|---|', ...lines].join('\n');
}

function amount(most: number, unit: Unit): string {
  if (unit === 'bytes' && most >= 1 << 20) return `${most / (1 << 20)} MiB`;
  if (unit === 'bytes' && most >= 1 << 10) return `${most / (1 << 10)} KiB`;
  if (unit === 'milliseconds' && most >= 1_000) return `${most / 1_000} s`;
  return `${most.toLocaleString('en')} ${most === 1 ? unit.replace(/(ss)?es$|s$/, '$1') : unit}`;
}

function optionRow([name, bounds]: readonly [string, string]): string {
  const setting = (settings as Readonly<Record<string, { readonly help: string } | undefined>>)[name];
  if (setting === undefined) throw new Error(`there is no option ${name}`);
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const [, usual = ''] = /\(default: ([^)]+)\)/.exec(setting.help) ?? [];
  return `| \`--${option}\` | ${bounds} | ${usual} |`;
}
