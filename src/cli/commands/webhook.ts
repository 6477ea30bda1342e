import { abortWhenAsked } from '../../agent/signals.ts';
import { createLogger, logWarnings } from '../../observe/logger.ts';
import { runWebhook } from '../../webhook/webhook.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { planSettings } from '../options/plan-settings.ts';
import { readListenAddress, ValueError } from '../options/readers.ts';
import { podNatOptions } from '../options/source.ts';
import type { SettingValues } from '../options/table.ts';
import { parseExpectations } from '../verify/expectations-file.ts';
import { judgeOne } from '../verify/judge.ts';

export interface WebhookValues extends SettingValues {
  readonly listen: string;
  readonly statusAddress: string;
  readonly secret?: string;
  readonly service?: string;
  readonly configuration?: string;
  readonly expectations?: string;
}

/** Milliseconds before a stopped webhook ends in any case. */
const PATIENCE = 5_000;

/** Answers the API server until it is stopped. */
export async function webhook(values: WebhookValues, context: Context): Promise<void> {
  const { secret, service, configuration } = values;
  if (values.source?.kind !== 'kubernetes') {
    throw new CliError('KNAT_USAGE', 'a webhook works for a cluster: add --source kubernetes');
  }
  if (secret === undefined || service === undefined || configuration === undefined) {
    throw new CliError('KNAT_USAGE', 'add --secret, --service and --configuration, as the chart does');
  }
  const [namespace, secretName] = namespaced('--secret', secret);
  const [serviceNamespace, serviceName] = namespaced('--service', service);
  const [listen, status] = [
    addressOf('--listen', values.listen),
    addressOf('--status-address', values.statusAddress),
  ];
  if (listen === null) throw new CliError('KNAT_USAGE', '--listen: an address is needed');
  const logger = createLogger({
    level: values.logLevel ?? 'info',
    format: values.logFormat ?? (context.terminal.watched ? 'text' : 'json'),
    colors: context.terminal.errorColors,
  });
  logWarnings(logger, process);
  const settings = await planSettings(values, {
    allPods: true,
    debug: (line) => logger.debug(line),
    warn: (line) => logger.warn(line),
  });
  const dnsName = `${serviceName}.${serviceNamespace}.svc`;
  const signal = abortWhenAsked(PATIENCE);
  try {
    const run = {
      settings,
      podNat: podNatOptions(values),
      listen,
      status,
      names: { namespace, secret: secretName, configuration, dnsNames: [dnsName] },
      expectations: values.expectations ?? null,
      readExpectations,
      judge: judgeOne,
      wallClock: () => Date.now(),
      logger,
      version: context.version,
    };
    await runWebhook(run, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Throws an Error with every line that is wrong. */
function readExpectations(text: string, name: string) {
  try {
    return parseExpectations(text, name);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new Error([error.message, ...error.details].join('; '), { cause: error });
  }
}

function namespaced(option: string, text: string): readonly [namespace: string, name: string] {
  const [, namespace, name] = /^([a-z0-9-]{1,63})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) {
    throw new CliError('KNAT_USAGE', `${option}: "${text}": write NAMESPACE/NAME`);
  }
  return [namespace, name];
}

function addressOf(option: string, text: string) {
  try {
    return readListenAddress(text);
  } catch (error) {
    if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `${option}: ${error.message}`);
    throw error;
  }
}
