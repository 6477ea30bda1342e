import { describe, expect, test } from 'vitest';
import {
  endpoint,
  ip,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { type Expectation, judge } from './expectation.ts';
import { walk } from './walk.ts';

const web = present('Service', service());
const two = present('EndpointSlice', slice(['10.244.1.5', endpoint('10.244.2.6')]));
const pods = present('Pod', pod([], { namespace: 'shop', name: 'web-0', ips: [ip('10.244.1.5')] }));
const pools = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));
const cluster = [web, two, pods, pools];

function judged(expectation: Expectation, changes: readonly FactChange[] = cluster) {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(changes);
  const [source = '', destination = '', port = '80'] = [expectation.from, expectation.to, expectation.port];
  const packet = {
    source: ip(source),
    destination: ip(destination),
    protocol: 'TCP',
    port: portOf(Number(port)),
  } as const;
  return judge(expectation, walk(planner.update(), planner.node, packet), planner);
}

const inward = { from: '198.51.100.9', to: '10.96.0.10' };
const outward = { from: '10.244.1.5', to: '1.1.1.1' };
const met = { mismatches: [], notes: [] };

describe('the verdict', () => {
  test('as it is', () => {
    expect(judged({ ...inward, verdict: 'dnat' })).toEqual(met);
  });
  test('another', () => {
    expect(judged({ ...inward, verdict: 'reject' })).toMatchObject({
      mismatches: [{ field: 'verdict', expected: 'reject', actual: 'dnat' }],
    });
  });
});

describe('the source that the other end sees', () => {
  const [nodeIP] = nodeFacts().nodeIPs;
  test.each(['node', `node/${nodeFacts().nodeName}`, String(nodeIP)])('%s, of a masqueraded packet', (as) => {
    expect(judged({ ...outward, as })).toMatchObject({ mismatches: [] });
  });
  test('an address that is not the node', () => {
    expect(judged({ ...outward, as: '192.0.2.77' })).toMatchObject({
      mismatches: [{ field: 'as', expected: '192.0.2.77', actual: 'node' }],
    });
  });
  test('its own', () => {
    expect(judged({ from: '10.244.1.5', to: '10.244.2.6', as: 'same' })).toEqual(met);
    expect(judged({ ...outward, as: 'same' })).toMatchObject({ mismatches: [{ actual: 'node' }] });
  });
  test('a refused packet is seen by no host', () => {
    expect(judged({ ...inward, as: 'node' }, [web])).toMatchObject({
      mismatches: [{ field: 'as', actual: 'nobody: refused' }],
    });
  });
  test.each([
    ['2001:db8::1', 'as: 2001:db8::1 is of another IP family than the packet'],
    ['node/nowhere', 'as: there is no Node nowhere'],
    ['web', 'as: "web" is neither an address nor same, node or node/NAME'],
  ])('%s cannot be', (as, message) => {
    expect(judged({ ...outward, as })).toBe(message);
  });
});

describe('who is reached', () => {
  test('all of them, by name and by address, with and without port', () => {
    expect(judged({ ...inward, reaches: ['pod/shop/web-0:8080', '10.244.2.6'] })).toEqual(met);
  });
  test('one more than expected', () => {
    expect(judged({ ...inward, reaches: ['pod/shop/web-0'] })).toMatchObject({
      mismatches: [
        { field: 'reaches', expected: 'pod/shop/web-0', actual: '10.244.1.5:8080, 10.244.2.6:8080' },
      ],
    });
  });
  test('one less', () => {
    const reaches = ['10.244.1.5', '10.244.2.6', '10.244.2.7'];
    expect(judged({ ...inward, reaches })).toMatchObject({ mismatches: [{ field: 'reaches' }] });
  });
  test('another port', () => {
    const reaches = ['10.244.1.5:80', '10.244.2.6:8080'];
    expect(judged({ ...inward, reaches })).toMatchObject({ mismatches: [{ field: 'reaches' }] });
  });
  test('without DNAT the destination itself', () => {
    expect(judged({ ...outward, reaches: ['1.1.1.1:80'] })).toEqual(met);
  });
  test('a pod that does not exist is no mismatch but an error', () => {
    expect(judged({ ...inward, reaches: ['pod/shop/nobody'] })).toMatch(
      /^reaches: there is no Pod shop\/nobody/,
    );
  });
});
