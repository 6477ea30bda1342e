import { parseJumpPositions } from '../../datapath/coexistence/podnat-controller-jumps.ts';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import { formatPrefix, hostPrefix, parseLoosePrefix } from '../../net/prefix.ts';
import { longName, type SettingName, type SettingValues, settings } from '../options/table.ts';
import { type GoFlag, GoFlagError } from './go-flags.ts';

export interface FlagMeaning {
  readonly values: SettingValues;
  /** Defaults if neither flags nor options of knat set a value. */
  readonly standards: SettingValues;
  /** For the log, one sentence each. */
  readonly notes: readonly string[];
  /** `-nodeid`, possibly a short name; the node is looked up. */
  readonly nodeId: string | null;
}

/** A flag of podnat-controller and knat's equivalent option. */
interface PodnatFlag extends GoFlag {
  /** As in the help; null: there is none, and `usage` says why. */
  readonly option: string | null;
  readonly isKlog?: true;
  /** Applies the value. Throws what is wrong with it. */
  readonly mean: (value: string, meaning: Draft) => void;
}

type FlagUse = Pick<PodnatFlag, 'option' | 'mean'>;

interface Draft {
  values: { -readonly [Name in keyof SettingValues]: SettingValues[Name] };
  notes: string[];
  nodeId: string | null;
  excluded: string[];
  readonly anyAddress: IpAddress;
}

/** The default of `-httpport`. */
const HTTP_PORT = 8484;

const NO_IPTABLES = 'knat uses its own nftables tables and does not change the iptables rules of the host';

const excludedNetworks: FlagUse = {
  option: optionName('excludeFilterNetworks'),
  mean: (value, { excluded }) => excluded.push(value),
};

/** Flags of both generations without klog's. Defaults are those of podnat-controller 0.5.2. */
const own: readonly PodnatFlag[] = [
  flag(
    'dryRun',
    false,
    'print what would change in the kernel and end, without writing anything',
    to('dryRun'),
  ),
  flag('annotationKey', 'bln.space/podnat', 'annotation of Pods that asks for Pod NAT', to('annotationKey')),
  flag(
    'informerResync',
    180,
    'no longer needed: objects, addresses and the kernel are watched',
    onlyNote('-informerresync is no longer needed: objects, addresses and the kernel are watched'),
  ),
  flag(
    'restrictedPorts',
    '22,53,6443',
    'ports and ranges that no annotation may name',
    to('restrictedPorts'),
  ),
  flag(
    'httpPort',
    HTTP_PORT,
    'port of health checks, metrics and the API, on all addresses of the node; outside the node all but health needs a token',
    {
      option: optionName('httpAddress'),
      mean: (value, { values, anyAddress }) => {
        const port = parsePort(Number(value));
        if (port === null) throw new Error('must be a port from 1 to 65535');
        values.httpAddress = { host: anyAddress, port };
      },
    },
  ),
  flag('firewallFlavor', 'iptables', `iptables or nftables; with both, ${NO_IPTABLES}`, {
    option: null,
    mean: (value, { notes }) => {
      if (value !== 'iptables' && value !== 'nftables') throw new Error('must be iptables or nftables');
      if (value === 'iptables') notes.push(`-firewallflavor=iptables: ${NO_IPTABLES}`);
    },
  }),
  flag(
    'iptablesJump',
    '-2,-2,-2',
    'positions of the jumps in FORWARD, PREROUTING, POSTROUTING; no longer needed: nftables has hooks of its own',
    {
      option: null,
      mean: (value, { notes }) => {
        if (parseJumpPositions(value) === null) throw new Error('must be three positions, such as -2,-2,-2');
        notes.push(
          '-iptablesjump is no longer needed: knat has hooks of its own and jumps from no chain of the host',
        );
      },
    },
  ),
  flag(
    'inclFilterNet',
    '',
    'networks ADDED to the filter: their addresses are never the public address of the node',
    to('includeFilterNetworks', networks),
  ),
  flag(
    'exclFilterNet',
    '',
    'networks REMOVED from the filter: their addresses may be the public address, even if private',
    excludedNetworks,
  ),
  flag('internalNetwork', '', 'the same as -exclfilternet, in older releases', excludedNetworks),
  flag(
    'resourcePrefix',
    'podnat',
    'prefix of the chains of podnat-controller, which are replaced',
    to('podnatPrefix'),
  ),
  flag(
    'nodeID',
    '',
    'name of the node, short or as in spec.nodeName of Pods; also part of the name of its state (default HOSTNAME)',
    {
      option: '--node and --state-node',
      mean: (value, meaning) => {
        meaning.nodeId = value === '' ? null : value;
        if (value !== '') meaning.values.stateNode = settings.stateNode.read(value);
      },
    },
  ),
  flag(
    'stateFlavor',
    'configmap',
    'where the state is published: configmap, webdav, crd or none',
    to('stateFlavor'),
  ),
  flag(
    'stateURI',
    'http://podnat-state-store:80',
    'address of the WebDAV server; -stateflavor is webdav',
    to('stateUri'),
  ),
];

/** klog's flags about log files, which knat does not write, and their defaults. */
const LOG_FILE_FLAGS = {
  add_dir_header: false,
  alsologtostderr: false,
  legacy_stderr_threshold_behavior: true,
  log_backtrace_at: '',
  log_dir: '',
  log_file: '',
  log_file_max_size: 1800,
  log_link: '',
  logbuflevel: 0,
  one_output: false,
  skip_headers: false,
  skip_log_headers: false,
  stderrthreshold: 'ERROR',
  vmodule: '',
} as const;

/** Flags of klog and glog, which podnat-controller also has. */
const logging: readonly PodnatFlag[] = [
  flag('v', 0, 'verbosity; from 4 on it is --log-level=debug', {
    option: optionName('logLevel'),
    mean: (value, { values }) => {
      if (Number(value) >= 4) values.logLevel = 'debug';
    },
  }),
  flag('logtostderr', true, 'what knat always does', {
    option: null,
    mean: (value, { notes }) => {
      if (value === 'false') notes.push('-logtostderr=false has no effect: knat logs to standard error');
    },
  }),
  ...Object.entries(LOG_FILE_FLAGS).map(([name, standard]) => {
    const note = `-${name} has no effect: knat logs to standard error; KNAT_LOG_LEVEL and KNAT_LOG_FORMAT say how`;
    return flag(name, standard, 'accepted; knat logs only to standard error', onlyNote(note));
  }),
];

/** All flags of podnat-controller; their help ends with knat's equivalent. */
export const podnatFlags: readonly PodnatFlag[] = [
  ...own,
  ...logging.map((each) => ({ ...each, isKlog: true as const })),
].map((each) => (each.option === null ? each : { ...each, usage: `${each.usage}; knat: ${each.option}` }));

/**
 * Combines the flags with podnat-controller's fixed behaviour: only Pod NAT, from a cluster, replacing a
 * podnat-controller that may still run. Throws GoFlagError.
 *
 * @param given by the flag's name in lower case
 * @param anyAddress wildcard address to listen on: `::`, or `0.0.0.0` without IPv6
 */
export function meaningOf(given: ReadonlyMap<string, string>, anyAddress: IpAddress): FlagMeaning {
  const draft: Draft = {
    values: {
      source: { kind: 'kubernetes' },
      enable: { service: false, pod: true, egress: false },
    },
    anyAddress,
    notes: [],
    nodeId: null,
    excluded: [],
  };
  for (const known of podnatFlags) {
    const key = known.name.toLowerCase();
    const value = given.get(key);
    if (value !== undefined) mean(known, value, draft);
  }
  // Releases before -stateflavor=configmap only had WebDAV, and some only -stateuri.
  if (given.has('stateuri') && !given.has('stateflavor')) draft.values.stateFlavor = 'webdav';
  if (given.has('stateuri') && draft.values.stateFlavor !== 'webdav') {
    delete draft.values.stateUri;
    draft.notes.push('-stateuri has no effect without -stateflavor=webdav');
  }
  const { values, notes, nodeId } = draft;
  const standards: SettingValues = {
    replacePodnatController: true,
    // podnat-controller serves health on this port too; 10256 is kube-proxy's.
    httpAddress: { host: anyAddress, port: HTTP_PORT },
    healthAddress: null,
    stateFlavor: 'configmap',
  };
  return { values, standards, notes, nodeId };
}

function mean(known: PodnatFlag, value: string, draft: Draft): void {
  try {
    known.mean(value, draft);
    if (draft.excluded.length > 0) {
      const { read } = settings.excludeFilterNetworks;
      draft.values.excludeFilterNetworks = read(networks(draft.excluded.join(',')));
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const name = known.name.toLowerCase();
    throw new GoFlagError(`invalid value ${JSON.stringify(value)} for flag -${name}: ${reason}`);
  }
}

/** The default determines the flag's type. */
function flag(name: string, standard: string | number | boolean, usage: string, use: FlagUse): PodnatFlag {
  const types = { string: 'string', number: 'int', boolean: 'bool' } as const;
  const type = types[typeof standard as keyof typeof types];
  return { name: name.toLowerCase(), type, standard: String(standard), usage, ...use };
}

/** No option of knat corresponds to the flag; the log says why. */
function onlyNote(note: string): FlagUse {
  return { option: null, mean: (_, { notes }) => notes.push(note) };
}

/** An option of knat corresponds to the flag; `translate` converts the value to its syntax. */
function to(name: SettingName, translate = (value: string) => value): FlagUse {
  return {
    option: optionName(name),
    mean: (value, { values }) => Object.assign(values, { [name]: settings[name].read(translate(value)) }),
  };
}

function optionName(name: string): string {
  return `--${longName(name)}`;
}

/** podnat-controller also accepts single addresses and networks with host bits set. */
function networks(text: string): string {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const address = parseAddress(part);
      const prefix = address === null ? parseLoosePrefix(part) : hostPrefix(address);
      return prefix === null ? part : formatPrefix(prefix);
    })
    .join(',');
}
