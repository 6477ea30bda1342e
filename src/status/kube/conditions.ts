import { NODE_NAT_BOUNDS, type NodeNatStatus } from '../../crds/node-nat.ts';
import { degradedBy } from '../../model/finding-codes.ts';
import { formatRef } from '../../model/object.ts';
import { firstFew } from '../../model/text.ts';
import type { NodeAccount } from './account.ts';
import type { Rows } from './rows.ts';
import { shortened } from './shortened.ts';

export type Condition = NodeNatStatus['conditions'][number];

/** A condition without its transition time. */
type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * While a status is unchanged its condition keeps the transition time; otherwise it is `at` (RFC 3339). Messages
 * contain nothing that changes by itself, or each reading would be a change.
 */
export function conditionsOf(
  account: NodeAccount,
  rows: Rows,
  before: readonly Condition[],
  generation: number,
  at: string,
): Condition[] {
  return [synced(account), programmed(account), degraded(account, rows), serviceNat(account)].map(
    (verdict) => {
      const old = before.find(({ type }) => type === verdict.type);
      const isSame = old?.status === verdict.status;
      return {
        ...verdict,
        message: shortened(verdict.message, NODE_NAT_BOUNDS.message),
        observedGeneration: generation,
        lastTransitionTime: isSame ? old.lastTransitionTime : at,
      };
    },
  );
}

function synced({ synced, source }: NodeAccount): Verdict {
  return synced
    ? { type: 'Synced', status: 'True', reason: 'InSync', message: `${source} has delivered what exists` }
    : {
        type: 'Synced',
        status: 'False',
        reason: 'Reading',
        message: `${source} has not delivered everything yet; what was programmed before stays`,
      };
}

function programmed({ programmed, failure }: NodeAccount): Verdict {
  const type = 'Programmed';
  if (failure !== null) return { type, status: 'False', reason: 'KernelRefused', message: failure };
  return programmed === null
    ? { type, status: 'Unknown', reason: 'NotYet', message: 'this agent has programmed nothing yet' }
    : { type, status: 'True', reason: 'Matches', message: 'the kernel has what the source wants' };
}

function serviceNat({ enabled, servicesLeft }: NodeAccount): Verdict {
  const type = 'ServiceNAT';
  if (enabled.service)
    return { type, status: 'True', reason: 'ByKnat', message: 'knat does the NAT of Services' };
  return servicesLeft
    ? {
        type,
        status: 'False',
        reason: 'LeftToKubeProxy',
        message: 'kube-proxy runs here, or has left its rules, so knat leaves the NAT of Services to it',
      }
    : {
        type,
        status: 'False',
        reason: 'NotEnabled',
        message: 'the settings leave the NAT of Services to others',
      };
}

/** The first of: the whole source and scarce ports, rejected objects, conflicts. */
function degraded({ problems }: NodeAccount, { rejected, conflicts }: Rows): Verdict {
  const type = 'Degraded';
  const whole = problems.filter(({ object }) => object === null);
  if (whole.length > 0) {
    const reasons = whole.map(({ code }) => degradedBy(code));
    const message = firstFew(
      whole.map(({ message, code }) => `${message} (${code})`),
      SHOWN,
    );
    const reason = reasons.every((each) => each === 'PortsNearlyTaken')
      ? 'PortsNearlyTaken'
      : 'SourceTrouble';
    return { type, status: 'True', reason, message };
  }
  if (rejected.length > 0) {
    const names = [...new Set(rejected.map(({ object }) => formatRef(object)))];
    const message = `not all of their NAT is done: ${firstFew(names, SHOWN)}`;
    return { type, status: 'True', reason: 'ObjectsRejected', message };
  }
  if (conflicts.length > 0) {
    const message = `wanted by several objects: ${firstFew(
      conflicts.map(({ key }) => key),
      SHOWN,
    )}`;
    return { type, status: 'True', reason: 'Conflicts', message };
  }
  return { type, status: 'False', reason: 'NothingToMend', message: 'nothing needs a person' };
}

/** Maximum number of names in a condition's message. */
const SHOWN = 5;
