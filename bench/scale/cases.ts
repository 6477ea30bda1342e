/** The cases of bench:scale: clusters that other projects published figures for, and sizes of our own. */

/** So many Services with so many endpoints each. */
export interface ServiceGroup {
  readonly services: number;
  readonly endpoints: number;
}

/** Pods are replaced one after the other, 25 % of a Service at a time; each pod is three events. */
export interface Rolling {
  readonly kind: 'rolling';
  readonly perSecond: number;
  readonly seconds: number;
}

/** Services are added one at a time, each with its endpoints. */
export interface Adding {
  readonly kind: 'adding';
  readonly services: number;
  readonly endpoints: number;
  readonly pauseMs: number;
}

export interface Peer {
  readonly who: string;
  readonly figure: string;
  /** Of a start: the same as a number, for the plot. */
  readonly startSeconds?: number;
  readonly url: string;
}

/** What is compared with the figure of a peer or with a target. */
export type Measure = 'coldMs' | 'latencyP50Ms' | 'latencyP99Ms' | 'coresP50' | 'changesPeakMiB';

export interface Target {
  readonly measure: Measure;
  readonly most: number;
}

export interface ScaleCase {
  readonly name: string;
  readonly what: string;
  readonly groups: readonly ServiceGroup[];
  /** Pods of the node that one EgressRule selects. */
  readonly egressPods: number;
  readonly changes: Rolling | Adding | null;
  /** Endpoints that the check expects, but no object has. */
  readonly hidden?: number;
  /** The measure that is compared with the peer's. */
  readonly compared: Measure;
  /** Null: nobody published this case. */
  readonly peers: readonly Peer[];
  readonly targets: readonly Target[];
  /** Seconds after which the case is given up. */
  readonly limitSeconds: number;
}

const KUBE_PROXY = 'https://github.com/kubernetes/kubernetes';
const CILIUM: Peer = {
  who: 'Cilium 1.18',
  figure: '0.13 cores, 762 MB',
  url: 'https://github.com/cilium/cilium/pull/40227',
};

/** 2,500 Services of four sizes: 70 %, 25 %, 4 % and 1 % of them. */
const FOUR_SIZES: readonly ServiceGroup[] = [
  { services: 1750, endpoints: 5 },
  { services: 625, endpoints: 20 },
  { services: 100, endpoints: 150 },
  { services: 25, endpoints: 1000 },
];

/** As Cilium's test makes them: a quarter of 40,000 pods for each size. */
const CILIUM_SIZES: readonly ServiceGroup[] = [
  { services: 2000, endpoints: 5 },
  { services: 330, endpoints: 30 },
  { services: 40, endpoints: 250 },
  { services: 10, endpoints: 1000 },
];

const CHURN_TARGETS: readonly Target[] = [
  { measure: 'coresP50', most: 0.1 },
  { measure: 'changesPeakMiB', most: 250 },
  { measure: 'latencyP99Ms', most: 5 },
];

const plain = {
  egressPods: 0,
  changes: null,
  compared: 'coldMs',
  peers: [],
  targets: [],
  limitSeconds: 300,
} as const;
const churn = { ...plain, compared: 'coresP50', peers: [CILIUM], targets: CHURN_TARGETS } as const;

export const CASES: readonly ScaleCase[] = [
  {
    ...plain,
    name: 'services-44125',
    what: '44,125 Services, 44,152 endpoints, into an empty kernel',
    groups: [
      { services: 44_098, endpoints: 1 },
      { services: 27, endpoints: 2 },
    ],
    peers: [
      {
        who: 'kube-proxy 1.36.1, nftables',
        figure: '16 min 44 s',
        startSeconds: 1004,
        url: `${KUBE_PROXY}/issues/139513`,
      },
    ],
  },
  {
    ...plain,
    name: 'endpoints-250011',
    what: '5,006 Services, 250,011 endpoints, into an empty kernel',
    groups: [
      { services: 5000, endpoints: 50 },
      { services: 5, endpoints: 2 },
      { services: 1, endpoints: 1 },
    ],
    peers: [
      {
        who: 'kube-proxy of November 2025, nftables',
        figure: '13 min 15 s',
        startSeconds: 795,
        url: `${KUBE_PROXY}/issues/135639`,
      },
    ],
  },
  {
    ...plain,
    name: 'one-more',
    what: 'one Service more at 10,000 Services, 2 endpoints each',
    groups: [{ services: 10_000, endpoints: 2 }],
    changes: { kind: 'adding', services: 100, endpoints: 2, pauseMs: 100 },
    compared: 'latencyP50Ms',
    peers: [{ who: 'kube-proxy 1.31, nftables', figure: '141 ms', url: `${KUBE_PROXY}/pull/126013` }],
    targets: [{ measure: 'latencyP99Ms', most: 5 }],
  },
  {
    ...churn,
    name: 'churn-50',
    what: '2,500 Services, 61,250 endpoints, rolling updates, 50 events a second',
    groups: FOUR_SIZES,
    changes: { kind: 'rolling', perSecond: 50, seconds: 60 },
  },
  {
    ...churn,
    name: 'churn-200',
    what: '2,500 Services, 61,250 endpoints, rolling updates, 200 events a second',
    groups: FOUR_SIZES,
    changes: { kind: 'rolling', perSecond: 200, seconds: 60 },
  },
  {
    ...churn,
    name: 'churn-cilium',
    what: "2,380 Services, 39,900 endpoints in the sizes of Cilium's test, 50 events a second",
    groups: CILIUM_SIZES,
    changes: { kind: 'rolling', perSecond: 50, seconds: 60 },
  },
  {
    ...plain,
    name: 'egress-10000',
    what: '10,000 pods of one EgressRule, into an empty kernel',
    groups: [{ services: 100, endpoints: 3 }],
    egressPods: 10_000,
  },
  {
    ...plain,
    name: 'services-100000',
    what: '100,000 Services, 300,000 endpoints, into an empty kernel',
    groups: [{ services: 100_000, endpoints: 3 }],
    limitSeconds: 600,
  },
];

/** A case for the tests, and to try the benchmark: everything once, in a few seconds. */
const SMALL: ScaleCase = {
  ...plain,
  name: 'small',
  what: '200 Services, 2,400 endpoints, 100 egress pods, 20 events a second',
  groups: [
    { services: 160, endpoints: 5 },
    { services: 35, endpoints: 20 },
    { services: 5, endpoints: 180 },
  ],
  egressPods: 100,
  changes: { kind: 'rolling', perSecond: 20, seconds: 3 },
  compared: 'latencyP50Ms',
  limitSeconds: 60,
};

/** The same, but one endpoint is not told to the agent: the check must fail. */
const WRONG: ScaleCase = { ...SMALL, name: 'small-wrong', changes: null, hidden: 1 };

/** Null for an unknown name. */
export function caseNamed(name: string): ScaleCase | null {
  return [...CASES, SMALL, WRONG].find((each) => each.name === name) ?? null;
}
