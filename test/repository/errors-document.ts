import { errorCodes } from '../../src/cli/error-codes.ts';
import { exitMeanings } from '../../src/cli/exit-codes.ts';
import { sideCodes, sourceCodes } from '../../src/model/finding-codes.ts';
import { webhookCodes } from '../../src/webhook/codes.ts';

/** The text of docs/errors.md. */
export function errorsDocument(): string {
  const all = [...errorCodes].sort(([a], [b]) => (a < b ? -1 : 1));
  const commands = all.filter(
    ([code]) => !(code in sourceCodes) && !(code in sideCodes) && !(code in webhookCodes),
  );
  const beside = all.filter(([code]) => code in sideCodes);
  const ofWebhook = all.filter(([code]) => code in webhookCodes);
  const objects = all.filter(([code]) => code in sourceCodes);
  return `# Error codes

Every message of knat that something is wrong ends in a code. A code keeps its meaning for ever; the words around it
may change. This page is made from the program by \`scripts/generate-docs\`, and a test compares the two.

## Exit status

| status | meaning |
|---|---|
${Object.entries(exitMeanings)
  .map(([code, meaning]) => `| ${code} | ${meaning} |`)
  .join('\n')}

## Errors that end a command

A running agent does not end when the kernel refuses something: it says so in its log and in \`knat status\`, keeps what
is programmed, and tries again.

${commands.map(([code, known]) => `### ${code}\n\n${known.meaning}\n\n* What to do: ${known.remedy}\n* Exit status: ${known.exit}\n`).join('\n')}
## What a running agent cannot do beside NAT

These stand in its log and in \`knat status\` as long as they last; nothing of NAT is affected.

${beside.map(([code, known]) => `### ${code}\n\n${known.meaning}\n\n* What to do: ${known.remedy}\n`).join('\n')}
## Troubles of the admission webhook

These stand in the log of \`knat webhook\` (\`docs/webhook.md\`). While they last, changes are allowed.

${ofWebhook.map(([code, known]) => `### ${code}\n\n${known.meaning}\n\n* What to do: ${known.remedy}\n`).join('\n')}
## Problems of objects, manifests and configurations

These are reported with file, line, object and field, in the log of the agent and in \`knat status\`. They stop nothing:
whatever else is valid is programmed, and what was valid before stays in force. Only where the whole source or the
node configuration is meant at the start, the command ends with status 2; with status 1 where a command that is to end
by itself could not read a cluster in ten seconds.

${objects.map(([code, known]) => `### ${code}\n\n${known.meaning}\n\n* What to do: ${known.remedy}\n`).join('\n')}`;
}
