import type { ServiceCidrFact } from '../../model/service-cidr.ts';
import { readPrefix } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed } from './parsed.ts';

/**
 * A ServiceCIDR (networking.k8s.io/v1). One that is being deleted counts until it is gone: the API server keeps it for as
 * long as a Service has an address of it.
 */
export function parseServiceCidr(object: unknown, context: ParseContext): Parsed<ServiceCidrFact> {
  const { name, fields, report } = openObject('ServiceCIDR', object, context.shared);
  return report.finish({ name, cidrs: fields.object('spec').textParts('cidrs', readPrefix, 'needed') });
}
