/** The flows of the demo, in order. The expected results are derived by hand from `stage.ts` and `examples/demo`. */
import { lanAddress, outsideAddress, podAddress, serviceAddress } from '../lab/address-plan.ts';
import type { StagedFlow } from './flow.ts';
import type { Edit } from './manifests.ts';
import { MAIL_ADDRESS } from './stage.ts';

const desk = podAddress(1, 10);
const web2 = podAddress(2, 10);
const node1 = lanAddress(11);
const node2 = lanAddress(12);
/** The address that node1 masquerades with towards its own pods. */
const node1ToPods = podAddress(1, 1);
const outside = outsideAddress(10);
const client = outsideAddress(11);

const webService = serviceAddress(10);
const mailService = serviceAddress(25);
const voiceService = serviceAddress(34);

/** How often to dial a flow that either of two pods may answer: missing one has probability 2 · 2^-24. */
const SEVERAL = 24;

const NO_ANSWER = { answeredBy: [], instead: 'no answer' } as const;
const REFUSED = { answeredBy: [], instead: 'refused' } as const;

const deskToWeb = {
  from: 'desk',
  to: webService,
  port: 80,
  protocol: 'TCP',
  attempts: SEVERAL,
} as const;
const deskToOutside = { from: 'desk', to: outside, port: 443, protocol: 'TCP' } as const;
const web2ToOutside = { from: 'web2', to: outside, port: 443, protocol: 'TCP' } as const;
const clientToMail = { from: 'client', to: MAIL_ADDRESS, port: 25, protocol: 'TCP' } as const;

export interface Chapter {
  readonly title: string;
  readonly flows: readonly StagedFlow[];
}

/** Without an agent, the stage translates nothing. */
export const withoutKnat: Chapter = {
  title: 'Without knat',
  flows: [
    {
      title: 'desk → Service web by its ClusterIP',
      remark: 'no interface has a ClusterIP: without NAT nobody answers',
      ...deskToWeb,
      attempts: 1,
      expected: NO_ANSWER,
    },
    {
      title: 'client → the mail server, by an address of node1',
      remark: 'nothing listens on the node itself',
      ...clientToMail,
      expected: REFUSED,
    },
    {
      title: 'desk → outside',
      remark: 'the packet keeps the pod’s address, and outside has no route to it',
      ...deskToOutside,
      expected: NO_ANSWER,
    },
  ],
};

export const withKnat: readonly Chapter[] = [
  {
    title: 'Service NAT',
    flows: [
      {
        title: 'desk → Service web by its ClusterIP',
        remark: 'web1 and web2 both answer, and both see desk’s own address',
        ...deskToWeb,
        expected: {
          answeredBy: [
            { by: 'web1', saw: desk },
            { by: 'web2', saw: desk },
          ],
        },
      },
      {
        title: 'client → Service web by a NodePort of node1',
        remark: 'pods of both nodes answer and see node1, so that replies return through it',
        from: 'client',
        to: node1,
        port: 30080,
        protocol: 'TCP',
        attempts: SEVERAL,
        expected: {
          answeredBy: [
            { by: 'web1', saw: node1ToPods },
            { by: 'web2', saw: node1 },
          ],
        },
      },
      {
        title: 'client → Service web-local by a NodePort of node2',
        remark: 'externalTrafficPolicy Local: only node2’s own pod answers; it sees client',
        from: 'client',
        to: node2,
        port: 30081,
        protocol: 'TCP',
        expected: { answeredBy: [{ by: 'web2', saw: client }] },
      },
      {
        title: 'mail → Service mail by its ClusterIP (hairpin)',
        remark: 'a pod reaches itself; it sees node1, or its reply would stay in the pod',
        from: 'mail',
        to: mailService,
        port: 25,
        protocol: 'TCP',
        expected: { answeredBy: [{ by: 'mail', saw: node1ToPods }] },
      },
      {
        title: 'node1 → Service voice by its ClusterIP, over UDP',
        remark: 'programs of the node itself reach Services too',
        from: 'node1',
        to: voiceService,
        port: 3478,
        protocol: 'UDP',
        expected: { answeredBy: [{ by: 'voice', saw: node1 }] },
      },
    ],
  },
  {
    title: 'Pod NAT',
    flows: [
      {
        title: 'client → mail by its own public address of node1',
        remark: 'the annotation binds port 25 there to the pod, which sees the client',
        ...clientToMail,
        expected: { answeredBy: [{ by: 'mail', saw: client }] },
      },
      {
        title: 'mail → outside',
        remark: 'the pod’s own connections leave with the address of its binding',
        from: 'mail',
        to: outside,
        port: 443,
        protocol: 'TCP',
        expected: { answeredBy: [{ by: 'outside', saw: MAIL_ADDRESS }] },
      },
      {
        title: 'client → voice by node2’s address, over UDP',
        remark: 'the annotation names no address: knat uses the node’s public addresses',
        from: 'client',
        to: node2,
        port: 3478,
        protocol: 'UDP',
        expected: { answeredBy: [{ by: 'voice', saw: client }] },
      },
      {
        title: 'voice → outside, over UDP',
        remark: 'this pod’s packets leave with node2’s address too',
        from: 'voice',
        to: outside,
        port: 443,
        protocol: 'UDP',
        expected: { answeredBy: [{ by: 'outside', saw: node2 }] },
      },
    ],
  },
  {
    title: 'Egress NAT',
    flows: [
      {
        title: 'desk → outside',
        remark: 'desk’s pool has natOutgoing: the outside sees its node',
        ...deskToOutside,
        expected: { answeredBy: [{ by: 'outside', saw: node1 }] },
      },
      {
        title: 'desk → web2, a pod of another pool',
        remark: 'between pools nothing is translated',
        from: 'desk',
        to: web2,
        port: 8080,
        protocol: 'TCP',
        expected: { answeredBy: [{ by: 'web2', saw: desk }] },
      },
      {
        title: 'web2 → outside',
        remark: 'the pool of node2’s pods has no natOutgoing: not translated, so no answer',
        ...web2ToOutside,
        expected: NO_ANSWER,
      },
    ],
  },
];

export interface Change {
  readonly title: string;
  readonly edit: Edit;
  readonly flows: readonly StagedFlow[];
}

export const changes: readonly Change[] = [
  {
    title: 'pools-rack2.yaml: natOutgoing on',
    edit: { file: 'pools-rack2.yaml', from: 'natOutgoing: false', to: 'natOutgoing: true' },
    flows: [
      {
        title: 'web2 → outside',
        remark: 'the outside now sees node2, and its answer comes back',
        ...web2ToOutside,
        expected: { answeredBy: [{ by: 'outside', saw: node2 }] },
      },
    ],
  },
  {
    title: 'mail.yaml: the annotation’s srcPort 25 becomes 587',
    edit: { file: 'mail.yaml', from: '"srcPort": 25,', to: '"srcPort": 587,' },
    flows: [
      {
        title: 'client → mail, port 587',
        remark: 'the new port leads to the pod',
        ...clientToMail,
        port: 587,
        expected: { answeredBy: [{ by: 'mail', saw: client }] },
      },
      {
        title: 'client → mail, port 25',
        remark: 'nothing answers on the old port',
        ...clientToMail,
        expected: REFUSED,
      },
    ],
  },
  {
    title: 'web-endpoints.yaml: web1 is no longer ready',
    edit: {
      file: 'web-endpoints.yaml',
      from: 'name: web1}\n    conditions: {ready: true}',
      to: 'name: web1}\n    conditions: {ready: false}',
    },
    flows: [
      {
        title: 'desk → Service web by its ClusterIP',
        remark: 'only web2 answers',
        ...deskToWeb,
        expected: { answeredBy: [{ by: 'web2', saw: desk }] },
      },
    ],
  },
];

/** The question for `knat explain`: one of the flows above. */
export const explained = {
  title: 'Why does mail leave with that address? Ask the agent of node1',
  node: 'node1',
  from: podAddress(1, 12),
  to: outside,
  port: 443,
} as const;
