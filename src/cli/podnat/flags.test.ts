import { describe, expect, test } from 'vitest';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { settings } from '../options/table.ts';
import { meaningOf, podnatFlags } from './flags.ts';
import { goUsage, parseGoFlags } from './go-flags.ts';

const any = parseAddress('::') as IpAddress;

function mean(...words: string[]) {
  return meaningOf(parseGoFlags(words, podnatFlags).values, any);
}

test('without flags: Pod NAT alone from a cluster, in the place of podnat-controller', () => {
  expect(mean()).toEqual({
    values: {
      source: { kind: 'kubernetes' },
      enable: { service: false, pod: true, egress: false },
    },
    standards: {
      replacePodnatController: true,
      httpAddress: { host: '::', port: 8484 },
      healthAddress: null,
      stateFlavor: 'configmap',
    },
    notes: [],
    nodeId: null,
  });
});

describe('both generations of flags are options of knat', () => {
  test.each<[string, object]>([
    ['-dryrun', { dryRun: true }],
    ['-dryRun=true', { dryRun: true }],
    ['-annotationkey=a/b', { annotationKey: 'a/b' }],
    ['-annotationKey=a/b', { annotationKey: 'a/b' }],
    ['-restrictedports=22,8000-8100', { restrictedPorts: '22,8000-8100' }],
    ['-restrictedPorts=', { restrictedPorts: '' }],
    ['-httpport=81', { httpAddress: { host: '::', port: 81 } }],
    ['-httpPort=81', { httpAddress: { host: '::', port: 81 } }],
    ['-resourceprefix=mine', { podnatPrefix: 'mine' }],
    ['-nodeid=a', { stateNode: 'a' }],
    ['-stateflavor=crd', { stateFlavor: 'crd' }],
    ['-stateFlavor=none', { stateFlavor: 'none' }],
    ['-stateflavor=webdav', { stateFlavor: 'webdav' }],
    ['-stateuri=http://a:81/', { stateFlavor: 'webdav', stateUri: 'http://a:81' }],
    ['-v=4', { logLevel: 'debug' }],
  ])('%s', (word, values) => {
    expect(mean(word).values).toMatchObject(values);
  });

  test('networks: added to the filter and taken out of it; host bits and single addresses are taken', () => {
    const { values } = mean(
      '-inclfilternet=203.0.113.9/24, 198.51.100.1',
      '-exclFilterNet=10.0.0.0/8',
      '-internalnetwork=192.168.0.0/16',
    );
    expect(values.includeFilterNetworks?.map(formatPrefix)).toEqual(['203.0.113.0/24', '198.51.100.1/32']);
    expect(values.excludeFilterNetworks?.map(formatPrefix)).toEqual(['10.0.0.0/8', '192.168.0.0/16']);
  });

  test('-nodeid names the node', () => {
    expect(mean('-nodeID', 'worker-1').nodeId).toBe('worker-1');
  });
});

describe('flags without effect are reported, and no others', () => {
  test.each([
    ['-informerresync=60', 'no longer needed'],
    ['-iptablesjump=1:1:1', 'no longer needed'],
    ['-firewallflavor=iptables', 'its own nftables tables'],
    ['-stderrthreshold=INFO', 'no effect'],
    ['-logtostderr=false', 'no effect'],
  ])('%s', (word, note) => {
    expect(mean(word).notes).toEqual([expect.stringContaining(note)]);
  });

  test.each(['-logtostderr', '-v=2', '-firewallflavor=nftables', '-annotationkey=x'])('%s', (word) => {
    expect(mean(word).notes).toEqual([]);
  });

  test('-stateuri beside another store', () => {
    const { values, notes } = mean('-stateflavor=configmap', '-stateuri=http://a');
    expect(values).not.toHaveProperty('stateUri');
    expect(notes).toEqual([expect.stringContaining('-stateuri')]);
  });
});

test.each([
  ['-firewallflavor=pf', 'invalid value "pf" for flag -firewallflavor: must be iptables or nftables'],
  ['-iptablesjump=1,2', 'flag -iptablesjump: must be three positions'],
  ['-httpport=70000', 'flag -httpport: must be a port from 1 to 65535'],
  ['-stateflavor=etcd', 'is none of crd, configmap, webdav, none'],
  ['-exclfilternet=ten', '"ten" is no CIDR'],
  ['-restrictedports=ssh', '"ssh" is neither a port'],
  ['-resourceprefix=', 'the value is empty'],
])('%s is refused', (word, message) => {
  expect(() => mean(word)).toThrow(message);
});

test('every flag has a help that names its option of knat, and that option exists', () => {
  const known = Object.keys(settings).map((name) =>
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  );
  for (const { name, option, usage } of podnatFlags) {
    expect(usage, name).not.toBe('');
    for (const [, each = ''] of (option ?? '').matchAll(/--([a-z-]+)/g)) {
      expect(known).toContain(each);
      expect(goUsage('x', podnatFlags)).toContain(`--${each}`);
    }
  }
});
