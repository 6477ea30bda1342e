import type { Check } from '../finding.ts';
import type { HostFinding } from '../host-facts.ts';

/** Shares of the table at which new connections will soon fail, and may already fail. */
const WARN_AT = 0.75;
const FAIL_AT = 0.95;

/** A full table drops new connections: "nf_conntrack: table full, dropping packet" in the kernel's log. */
export const conntrackFill: Check = {
  name: 'conntrack-fill',
  title: 'limit of connections',
  examine: ({ conntrack }) => {
    if (conntrack === null) return 'connection tracking is not active in this network namespace';
    const { count, max, insertFailed, dropped } = conntrack;
    const findings: HostFinding[] = [];
    const fill = max === 0 ? 0 : count / max;
    if (fill >= WARN_AT) {
      findings.push({
        severity: fill >= FAIL_AT ? 'error' : 'warning',
        message: `${count} of ${max} conntrack entries are in use (${Math.floor(fill * 100)} %): new connections ${fill >= FAIL_AT ? 'are dropped' : 'will be dropped when the table is full'}`,
        remedy: `sysctl -w net.netfilter.nf_conntrack_max=${max * 2} on the host itself, and find out which pods open so many: knat flows`,
      });
    }
    if (insertFailed + dropped > 0) {
      findings.push({
        severity: 'note',
        message: `since this network namespace was made, ${insertFailed} connections could not be added to the table, and ${dropped} packets were dropped because of this`,
        remedy:
          'source ports collided, or the table was full at times: check whether the numbers grow (conntrack -S)',
      });
    }
    return findings;
  },
};
