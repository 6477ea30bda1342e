import { defineConfig } from 'vitest/config';
import { beyondTheServer } from './test/cluster/real/definitions-alone.ts';

/** etcd and kube-apiserver for test/cluster; empty: the simulator. */
const assets = process.env.KUBEBUILDER_ASSETS ?? '';

/**
 * Two projects: `unit` needs no privileges and runs in parallel; `kernel` needs root, programs the kernel
 * inside network namespaces of its own, and runs two files at a time: most of them wait more than they compute.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['test/setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'bench/**/*.test.ts',
            'test/chaos/**/*.unit.test.ts',
            'test/chart/**/*.test.ts',
            'test/cluster/**/*.test.ts',
            'test/conformance/**/*.unit.test.ts',
            'test/repository/**/*.test.ts',
            'test/scenarios/**/*.unit.test.ts',
          ],
          exclude: ['**/*.kernel.test.ts', 'node_modules/**', ...beyondTheServer(assets)],
          maxWorkers: '100%', // the default leaves one processor out
          testTimeout: 30_000,
          // A real API server for each file is enough for a machine.
          fileParallelism: assets === '',
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel',
          include: ['src/**/*.kernel.test.ts', 'bench/**/*.kernel.test.ts', 'test/**/*.kernel.test.ts'],
          // What takes an API server and half a minute is `make test-cluster`.
          exclude: [
            'node_modules/**',
            ...((process.env.KNAT_CLUSTER_ROUNDS ?? '') === '' ? ['test/cluster/**'] : []),
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
