/**
 * Who may import whom, from the tables of ARCHITECTURE.md.
 * Read with `npm run check:architecture`; it prints how many modules it looked at.
 */
const { expressionOf, readRooms } = require('./scripts/rooms.cjs');

/** Files of the program that load no library: the page may use them, and everybody the questions. */
const PLAIN =
  '^src/(forms/(questions|request)|model/(object|printable)|net/address|observe/api/entry-row)\\.ts$';
const OURS = '^(?:src|ui|test|bench|scripts)/';
/** Tests lie beside what they test, and have a row of their own. */
const BESIDE = expressionOf('src/**/*.test.ts');

const rooms = readRooms();

const imports = rooms.map(({ path, files, may }) => ({
  name: `imports-of-${path}`,
  severity: 'error',
  comment: `ARCHITECTURE.md: ${path} may import ${may.join(', ') || 'nothing else'}`,
  from: { path: files, pathNot: files === BESIDE ? [] : [BESIDE] },
  to: { path: OURS, pathNot: [files, ...may.map((other) => expressionOf(other))] },
}));

const libraries = rooms.flatMap(({ path, files, libraries }) =>
  libraries === null
    ? []
    : [
        {
          name: `libraries-of-${path}`,
          severity: 'error',
          comment: `ARCHITECTURE.md: ${path} may use ${libraries.join(', ') || 'no library'}`,
          from: { path: files, pathNot: BESIDE },
          to: {
            pathNot: [OURS, ...libraries.map((library) => `^node_modules/${library}/`)],
            ...(libraries.includes('Node.js') ? { dependencyTypesNot: ['core'] } : {}),
          },
        },
      ],
);

module.exports = {
  forbidden: [
    ...imports,
    ...libraries,
    {
      name: 'one-socket',
      severity: 'error',
      comment:
        'Only what asks the kernel for sockets, their peers and locks of files loads the foreign-function library; tests and benchmarks make namespaces and connections with it.',
      from: {
        pathNot:
          '^(src/wire/(socket|unix-peer|file-lock|xtables/option-socket|packet/raw-sender)\\.ts$|test/|bench/)',
      },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'page-takes-types-alone',
      severity: 'error',
      comment:
        'The page is built for browsers: of the program it takes types, questions, and how names, addresses and entries are written.',
      from: { path: '^ui/' },
      to: { path: '^src/', pathNot: PLAIN, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'answers-as-types-alone',
      severity: 'error',
      comment:
        'Only the API works with the declarations of answers; all others take their types, since loading zod takes longer than Node.js itself.',
      from: { pathNot: '^(src/forms/|src/observe/(api|http)/|test/)|\\.test\\.ts$' },
      to: { path: '^src/forms/', pathNot: PLAIN, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'questions-are-plain',
      severity: 'error',
      comment: 'The command line has its options from them before it does anything.',
      from: { path: '^src/forms/(questions|request)\\.ts$' },
      to: {},
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
      name: 'no-test-imported',
      severity: 'error',
      comment: 'What several tests need is a file of its own.',
      from: {},
      to: { path: '\\.test\\.ts$' },
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
