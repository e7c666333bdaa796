// Imports go one way: proto → gen → services/lib → domain → adapter → main (architecture.md 8).

const SERVICES = '^services/(?!lib/)([^/]+)/';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Modules that need each other are one module, or miss one.',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'gen-imports-gen-only',
      severity: 'error',
      from: { path: '^gen/' },
      to: { path: '^(services|test)/' },
    },
    {
      name: 'lib-knows-no-service',
      severity: 'error',
      from: { path: '^services/lib/' },
      to: { path: '^services/(?!lib/)' },
    },
    {
      name: 'service-knows-no-service',
      comment: 'Services know each other by their contracts.',
      severity: 'error',
      from: { path: SERVICES },
      to: { path: SERVICES, pathNot: '^services/$1/' },
    },
    {
      name: 'pure-lib-imports-pure-lib',
      comment: 'base, routing and rules import nothing that can touch the world.',
      severity: 'error',
      from: { path: '^services/lib/(base|routing|rules)/' },
      to: { pathNot: '^services/lib/(base|routing|rules)/' },
    },
    {
      name: 'domain-imports-domain',
      comment: 'A domain sees itself, the pure libraries and the shape of a state machine.',
      severity: 'error',
      from: { path: '^services/([^/]+)/domain/' },
      to: {
        pathNot: [
          '^services/$1/domain/',
          '^services/lib/(base|routing|rules)/',
          '^services/lib/shard/state-machine\\.ts$',
        ],
      },
    },
    {
      name: 'adapter-knows-no-main',
      severity: 'error',
      from: { path: '^services/[^/]+/(domain|adapter)/' },
      to: { path: '/main\\.ts$' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^test/' },
    },
    {
      name: 'production-imports-no-development-packages',
      severity: 'error',
      from: { path: '^services/', pathNot: '^services/launcher/tools/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^\\.' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
