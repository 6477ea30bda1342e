import type { Source } from './source.ts';

/** Several sources as one: in sync when all of them are; fails when one of them fails. */
export function severalSources(sources: readonly Source[]): Source {
  return {
    name: sources.map(({ name }) => name).join(', '),
    run: async (sink, signal) => {
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      let outOfSync = sources.length;
      const synced = () => {
        outOfSync--;
        if (outOfSync === 0) sink.synced();
      };
      const runs = sources.map(async (source) => {
        try {
          await source.run(
            {
              apply: (changes) => sink.apply(changes),
              report: (origin, problems) => sink.report(origin, problems),
              interrupted: (what) => sink.interrupted?.(what),
              restored: (message) => sink.restored?.(message),
              synced,
            },
            either,
          );
        } catch (error) {
          stop.abort();
          throw error;
        }
      });
      const ends = await Promise.allSettled(runs);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
  };
}
