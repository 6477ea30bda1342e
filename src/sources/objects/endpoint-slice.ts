import type {
  EndpointFact,
  EndpointPortFact,
  EndpointSliceFact,
  EndpointState,
} from '../../model/endpoint-slice.ts';
import { familyOf } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { parsePort } from '../../net/port.ts';
import { PROTOCOLS } from '../../net/protocol.ts';
import { type Fields, readOrdinaryAddress } from './fields.ts';
import { FOREIGN_LABELS, openObject, type ParseContext, timeOf } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';
import { NONE, type SharedValues } from './shared.ts';
import { sharedState, UsualEndpoints } from './usual-endpoints.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * An EndpointSlice (discovery.k8s.io/v1; v1beta1, with the node name in `topology`, is tolerated).
 * No fact: a slice without a Service's name, with a label that leaves it to another controller, or of address type
 * FQDN. An unusable endpoint, port or address is left out with a warning, also an address of another family than
 * `addressType`; a slice without a usable item is rejected.
 *
 * @param before the last good state of the slice, whose endpoints are taken over where they are the same
 */
export function parseEndpointSlice(
  object: unknown,
  context: ParseContext,
  before: EndpointSliceFact | null = null,
): Parsed<EndpointSliceFact> {
  const { namespace, name, fields, metadata, report } = openObject('EndpointSlice', object, context.shared);
  const labels = metadata.object('labels');
  const serviceName = labels.text(SERVICE_NAME);
  const family = addressType(fields, report);
  if (family === 'FQDN') {
    context.debug(`EndpointSlice ${namespace}/${name}: address type FQDN is left out`);
  }
  const isForeign = FOREIGN_LABELS.some((label) => labels.has(label));
  if (serviceName === '' || isForeign || family === 'FQDN') return report.finish<EndpointSliceFact>(null);
  return report.finish({
    namespace,
    name,
    serviceName,
    family,
    ports: ports(fields, context.shared, report),
    endpoints: endpoints(fields, new UsualEndpoints(family, before, context.shared), report),
    lastChangeTriggerAt: timeOf(metadata.object('annotations').text(TRIGGER_TIME)),
  });
}

function addressType(fields: Fields, report: ParseReport): Family | 'FQDN' {
  if (!fields.has('addressType')) {
    report.error('KNAT_FIELD_REQUIRED', 'addressType', 'add addressType: IPv4 or IPv6');
  }
  return fields.word('addressType', ['IPv4', 'IPv6', 'FQDN'], 'IPv4');
}

function ports(fields: Fields, shared: SharedValues, report: ParseReport): readonly EndpointPortFact[] {
  let key = '';
  const read = (entry: Fields): EndpointPortFact | null => {
    const name = shared.text(entry.text('name'));
    const protocol = entry.word('protocol', PROTOCOLS, 'TCP');
    const number = entry.integer('port');
    const port = number === null ? null : parsePort(number);
    if (port === null) {
      // Only warnings, since an API server does not check the number.
      if (number !== null || !entry.has('port')) {
        const message =
          number === null
            ? 'a port without number means all ports, which no frontend can use: it is left out'
            : `${number} is no port from 1 to 65535: it is left out`;
        report.warn('KNAT_ENDPOINT_INCOMPLETE', entry.path('port'), message);
      }
      return null;
    }
    if (report.failed) return null;
    key += `${name}/${protocol}/${port},`;
    return { name, protocol, port };
  };
  const facts = fields.objectParts('ports', read, 'needed');
  return shared.list(key, facts);
}

function endpoints(fields: Fields, usual: UsualEndpoints, report: ParseReport): readonly EndpointFact[] {
  const { family, shared } = usual;
  const read = (entry: Fields): EndpointFact | null => {
    const text = entry.texts('addresses')[0];
    if (text === undefined) {
      report.warn(
        'KNAT_ENDPOINT_INCOMPLETE',
        entry.path('addresses'),
        'an endpoint without address is left out',
      );
      return null;
    }
    const path = () => `${entry.path('addresses')}[0]`;
    const address = readOrdinaryAddress(text, path, report);
    if (address === null) return null;
    if (familyOf(address) !== family) {
      report.error(
        'KNAT_ADDRESS_FAMILY',
        path(),
        `${address} is no ${family} address, as addressType says: move it to a slice of its own family`,
      );
      return null;
    }
    return { address, state: endpointState(entry, shared) };
  };
  return fields.objectParts('endpoints', read, 'needed', (item) => usual.read(item));
}

function endpointState(entry: Fields, shared: SharedValues): EndpointState {
  const conditions = entry.object('conditions');
  const ready = conditions.flag('ready') ?? true;
  const serving = conditions.flag('serving') ?? true;
  const terminating = conditions.flag('terminating') ?? false;
  const nodeName =
    entry.optionalText('nodeName') ?? entry.object('topology').optionalText('kubernetes.io/hostname');
  const hints = entry.has('hints') ? entry.object('hints') : null;
  const zoneHints = hintNames(hints, 'forZones');
  const nodeHints = hintNames(hints, 'forNodes');
  return sharedState({ ready, serving, terminating, nodeName, zoneHints, nodeHints }, shared);
}

function hintNames(hints: Fields | null, key: string): readonly string[] {
  const entries = hints?.objects(key) ?? NONE;
  return entries.length === 0 ? NONE : entries.map((entry) => entry.text('name'));
}
