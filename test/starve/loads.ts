import { service, slice } from '../cluster/manifests.ts';
import { clusterService } from './cluster-service.ts';
import type { NodeUnderLoad } from './node-under-load.ts';

export type Size = 'short' | 'long';

/** Begins, and returns how it ends. */
export type Load = (scene: NodeUnderLoad, size: Size) => Promise<() => Promise<void>>;

const clients =
  (kind: string, number: number, long = number): Load =>
  async (scene, size) =>
    await scene.clients(kind, size === 'long' ? long : number);

/** What others do to the agent, each for itself. */
export const loads = {
  'connections that say nothing': clients('idle', 600, 3_000),
  'a byte a second': clients('slow', 300, 1_000),
  'half a request': clients('half', 300),
  'answers that nobody reads': clients('deaf', 300),
  'questions sent ahead': clients('hasty', 100, 300),
  'ten clients list all connections': clients('listing', 10),
  'long lists of packets for explain': clients('asking', 4),
  'costly questions': clients('costly', 24),
  '100,000 changes a minute': async (scene) => {
    let count = 0;
    const timer = setInterval(() => {
      for (let index = 0; index < 33; index++) scene.service(count % 400, 2 + Math.floor(count++ / 400));
    }, 20);
    return async () => clearInterval(timer);
  },
  "another tenant's annotations of 1 MiB": async (scene, size) => {
    const names = Array.from({ length: size === 'long' ? 300 : 20 }, (_, index) => `heavy-${index}`);
    const note = 'x'.repeat(1 << 20);
    for (const name of names) {
      const object = service(name);
      scene.put({ ...object, metadata: { ...object.metadata, annotations: { note } } });
    }
    return async () => {
      for (const name of names) scene.remove(service(name));
    };
  },
  "another tenant's Service with many endpoints": async (scene, size) => {
    const slices = Array.from({ length: size === 'long' ? 100 : 10 }, (_, index) =>
      slice(
        `wide-${index}`,
        'wide',
        Array.from({ length: 1_000 }, (_, at) => address(190, index * 1_000 + at)),
      ),
    );
    scene.put(clusterService('wide', '10.111.0.2', [80]));
    for (const each of slices) scene.put(each);
    return async () => {
      for (const each of slices) scene.remove(each);
      scene.remove(service('wide'));
    };
  },
  "another tenant's Service with many ports": async (scene, size) => {
    const count = size === 'long' ? 65_535 : 5_000;
    scene.put(
      clusterService(
        'ports',
        '10.111.0.3',
        Array.from({ length: count }, (_, index) => index + 1),
      ),
    );
    scene.put(slice('ports-1', 'ports', ['10.189.0.1']));
    return async () => {
      scene.remove(slice('ports-1', 'ports', []));
      scene.remove(service('ports'));
    };
  },
} satisfies Readonly<Record<string, Load>>;

function address(second: number, number: number): string {
  return `10.${second + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
}
