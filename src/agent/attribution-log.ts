import { FileStore } from '../flows/attribution/file-store.ts';
import { MemoryStore } from '../flows/attribution/memory-store.ts';
import { AttributionRecorder } from '../flows/attribution/recorder.ts';
import type { AttributionStore } from '../flows/attribution/store.ts';
import { WhoScan } from '../flows/attribution/who.ts';
import { protocolName, protocolNumberOf } from '../flows/protocol-names.ts';
import type { WhoAnswer } from '../forms/flows.ts';
import type { QuestionAt } from '../forms/routes.ts';
import { type Asked, timeText } from '../journal/instant.ts';
import { parseMoment } from '../journal/moment.ts';
import { formatEndpoint, parseAddress } from '../net/address.ts';
import { InvalidQuery } from '../observe/invalid-query.ts';
import { watchConntrack } from '../wire/conntrack/monitor.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';
import type { AttributionSettings } from './settings.ts';

/** Milliseconds between writes. */
const FLUSH_EVERY = 200;
/** Milliseconds between lines without an event: they bound the time that is unknown after a crash. */
const ALIVE_EVERY = 10_000;
/** Milliseconds. */
const RETRY_AFTER = 30_000;
const NO_LOG = 'no attribution log is kept; the owners are those of the plan of that time';
const LOG_CODE = 'KNAT_ATTRIBUTION_LOG';

/** Keeps the attribution log while the agent runs, and answers from it. */
export class AttributionLog {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;
  readonly #settings: AttributionSettings | null;
  #store: AttributionStore | null = null;
  #recorder: AttributionRecorder | null = null;

  constructor(agent: AgentFacts, memory: FlowMemory, settings: AttributionSettings | null) {
    this.#agent = agent;
    this.#memory = memory;
    this.#settings = settings;
  }

  async run(signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    if (settings === null) return;
    while (!signal.aborted) {
      try {
        await this.#record(settings, signal);
      } catch (error) {
        if (signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#agent.findings.trouble(LOG_CODE, `the attribution log is not written: ${why}`);
        await this.#agent.surroundings.sleep(RETRY_AFTER, signal);
      }
    }
  }

  async #record({ file, limit }: AttributionSettings, signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    const store = file === null ? new MemoryStore(limit) : await FileStore.open(file, limit);
    const recorder = new AttributionRecorder({
      store,
      names: () => this.#memory.names(),
      wallClock: () => surroundings.wallClock(),
      everyFlow: (visit) => visitEveryFlow(visit, signal),
    });
    let isLost = false;
    let aliveAt = surroundings.now();
    const stop = watchConntrack((type, flow) =>
      type === 'destroy' ? recorder.ended(flow) : recorder.began(flow), () => {
      isLost = true;
    }, ['new', 'destroy']);
    this.#store = store;
    this.#recorder = recorder;
    try {
      await recorder.start();
      this.#agent.findings.trouble(LOG_CODE, null);
      while (!signal.aborted) {
        if (isLost) {
          isLost = false;
          await recorder.lost();
        }
        const trouble = await recorder.flush();
        this.#agent.findings.trouble(
          LOG_CODE,
          trouble === null ? null : `the attribution log has a gap: ${trouble}`,
        );
        if (surroundings.now() - aliveAt >= ALIVE_EVERY) {
          recorder.alive();
          aliveAt = surroundings.now();
        }
        await surroundings.sleep(FLUSH_EVERY, signal);
      }
    } finally {
      stop();
      recorder.alive();
      await recorder.flush().catch(() => {}); // the end may interrupt a reading of the table
      await store.close();
    }
  }

  /** Throws InvalidQuery, also where no log is kept. */
  async who({ address, at, protocol }: QuestionAt<'/flows/who'>): Promise<WhoAnswer> {
    const { past } = this.#agent;
    if (this.#settings === null && past === null) {
      throw new InvalidQuery(
        'this agent keeps no attribution log, and no history: start it with --attribution-log or --history-dir',
      );
    }
    const parts = /^(?:\[(.+)\]|([^[\]:]+)):(\d{1,5})$/.exec(address);
    const parsed = parseAddress(parts?.[1] ?? parts?.[2] ?? '');
    if (parsed === null || Number(parts?.[3]) > 65535) {
      throw new InvalidQuery(`address: "${address}" is no ADDRESS:PORT, such as 203.0.113.7:40001`);
    }
    const moment = this.#momentOf(at);
    const number = protocol === undefined ? null : protocolNumberOf(protocol);
    if (protocol !== undefined && number === null)
      throw new InvalidQuery(`protocol: "${protocol}" is unknown`);
    const port = Number(parts?.[3]);
    const asked = {
      address: formatEndpoint(parsed, port),
      at: 'at' in moment ? timeText(moment.at) : `${moment.segment}.${moment.commit}`,
      protocol: number === null ? null : protocolName(number),
    };
    if (this.#settings === null && past !== null) {
      const owners = await past.owners({ ...asked, address: parsed, port });
      return { asked, flows: [], gap: NO_LOG, logBegins: null, owners };
    }
    if (!('at' in moment)) throw new InvalidQuery('at: the attribution log has times, and no positions');
    const scan = new WhoScan(asked);
    await this.#recorder?.flush();
    for await (const line of this.#store?.read() ?? []) scan.add(line);
    return scan.answer();
  }

  #momentOf(text: string | undefined): Asked {
    const now = this.#agent.surroundings.wallClock().getTime();
    const moment = text === undefined ? { at: now } : parseMoment(text, now);
    if (typeof moment === 'string') throw new InvalidQuery(`at: ${moment}`);
    return moment;
  }
}
