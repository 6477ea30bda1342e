import { ServerResponse } from 'node:http';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { ApiObject } from '../../test/cluster/simulator/objects.ts';
import { BUILT_IN } from '../../test/cluster/simulator/resource-types.ts';
import type { Simulator } from '../../test/cluster/simulator/simulator.ts';
import type { ClusterSize } from '../../test/generators/large-cluster.ts';
import { sliceObject } from '../kube-objects.ts';
import { clock } from './stamps.ts';

/** Times in milliseconds of `clock`. */
export interface Written {
  readonly key: string;
  readonly written: number;
  sent: number;
}

/** Changes one endpoint of one Service after the other. */
export class Writes {
  readonly #simulator: Simulator;
  readonly #size: ClusterSize;
  readonly #unsent = new Map<string, Written>();
  #count = 0;

  constructor(simulator: Simulator, size: ClusterSize) {
    this.#simulator = simulator;
    this.#size = size;
    const unsent = this.#unsent;
    const { write } = ServerResponse.prototype;
    ServerResponse.prototype.write = function (this: ServerResponse, ...given: unknown[]) {
      const key = /"name":"(service-\d+-abcde)"/.exec(String(given[0]))?.[1];
      const done = write.apply(this, given as Parameters<typeof write>);
      const found = unsent.get(key ?? '');
      if (found !== undefined) found.sent = clock();
      return done;
    } as typeof write;
  }

  async run(changes: number, pauseAfter: (at: number) => number): Promise<readonly Written[]> {
    const all: Written[] = [];
    const { services, endpoints } = this.#size;
    let next = clock();
    for (let at = 0; at < changes; at++) {
      const wait = next - clock();
      // A write that is late waits for a turn too: what is written before it must be sent first.
      if (wait > 0) await sleep(wait);
      else if (pauseAfter(at) > 0) await turn();
      const count = this.#count++;
      const object = sliceObject(count % services, endpoints, 1 + Math.floor(count / services));
      const { name, namespace } = object.metadata;
      const written = { key: `${namespace}/${name}`, written: clock(), sent: 0 };
      this.#unsent.set(name, written);
      put(this.#simulator, object);
      all.push(written);
      next += pauseAfter(at);
    }
    return all;
  }
}

export function put(simulator: Simulator, object: ApiObject): void {
  const type = BUILT_IN.find(({ kind }) => kind === object.kind);
  if (type === undefined) throw new Error(object.kind);
  simulator.store.put(type, object);
}
