/**
 * The rules of the house: which room may import which (ARCHITECTURE.md, "The rooms").
 * Read with `npm run check:architecture`; it prints how many modules it looked at.
 */
const room = (name) => `^src/${name}/`;

/** For each room, the rooms it may import beside itself; `base` is everybody's. */
const may = {
  base: [],
  net: [],
  model: ['net'],
  plan: ['net', 'model'],
  explain: ['net', 'model', 'plan'],
  flows: ['net', 'model', 'plan', 'explain', 'wire'],
  delta: [],
  crds: [],
  'kube-api': [],
  'sources/dir': ['net', 'model', 'sources/objects', 'sources/source.ts', 'sources/source-error.ts'],
  'sources/ip-masq-agent': ['net', 'model', 'sources/objects', 'sources/source.ts'],
  'sources/kube': [
    'net',
    'model',
    'kube-api',
    'sources/objects',
    'sources/source.ts',
    'sources/source-error.ts',
  ],
  'sources/objects': ['net', 'model'],
  'status/kube': [
    'net',
    'model',
    'plan',
    'crds',
    'kube-api',
    'datapath/datapath.ts',
    'status/store-outcome.ts',
  ],
  'status/stores': ['net', 'plan', 'kube-api', 'status/store-outcome.ts'],
  'datapath/nftables': [
    'net',
    'model',
    'plan',
    'delta',
    'wire',
    'datapath/datapath.ts',
    'datapath/program.ts',
  ],
  'datapath/conntrack': ['net', 'model', 'plan', 'wire'],
  'datapath/coexistence': ['net', 'wire', 'datapath/program.ts', 'datapath/nftables/nft-program.ts'],
  wire: ['net'],
  observe: ['net', 'model', 'plan', 'explain', 'flows', 'datapath/datapath.ts', 'wire/unix-peer.ts'],
  agent: [
    'net',
    'model',
    'plan',
    'explain',
    'flows',
    'delta',
    'kube-api',
    'sources',
    'datapath',
    'doctor',
    'wire',
    'observe',
    'status',
  ],
  doctor: ['net', 'wire', 'datapath/coexistence', 'datapath/datapath.ts'],
  lab: ['net'],
  demo: ['net', 'lab'],
  cli: [
    'net',
    'demo',
    'model',
    'plan',
    'explain',
    'flows',
    'agent',
    'observe',
    'sources',
    'status',
    'doctor',
    'kube-api/access.ts',
    'datapath/datapath.ts',
    'datapath/coexistence/podnat-controller-jumps.ts',
  ],
};

const roomRules = Object.entries(may).map(([name, others]) => ({
  name: `room-${name.replace('/', '-')}`,
  severity: 'error',
  comment: `src/${name} may import ${others.join(', ') || 'nothing else'}`,
  from: { path: room(name), pathNot: '\\.test\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [name, 'base', ...others].map((other) => `^src/${other}${other.endsWith('.ts') ? '$' : '/'}`),
  },
}));

/** Rooms that are pure: neither Node.js modules nor npm packages. */
const pure = ['net', 'model', 'plan', 'explain', 'delta', 'crds'];

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'pure-rooms',
      severity: 'error',
      comment: 'These rooms are pure functions: no clock, no I/O, no library.',
      from: { path: `^src/(${pure.join('|')})/`, pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^src/' },
    },
    {
      name: 'one-socket',
      severity: 'error',
      comment:
        'Only what asks the kernel for sockets and their peers loads the foreign-function library; tests make namespaces with it.',
      from: { pathNot: '^(src/wire/(socket|unix-peer)\\.ts$|test/)' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'page-takes-types-alone',
      severity: 'error',
      comment:
        'The page is built for browsers: of the program it takes forms of answers, which leave nothing behind, and how text of others is shown.',
      from: { path: '^ui/' },
      to: { path: '^src/', pathNot: '^src/model/printable\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'page-takes-the-api',
      severity: 'error',
      comment: 'Whatever else the page knew of the program would be no part of the API.',
      from: { path: '^ui/' },
      to: { path: '^src/', pathNot: '^src/(observe/api/schemas|flows/[a-z-]+|model/printable)\\.ts$' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unlisted-package',
      severity: 'error',
      comment: 'Every imported package stands in package.json.',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-test-in-product',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '(^test/|\\.test\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
