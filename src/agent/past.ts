import { describeWalk } from '../explain/describe.ts';
import { walkJson } from '../explain/json.ts';
import { labelled } from '../explain/lines.ts';
import type { Walk } from '../explain/walk.ts';
import type { PortOwner } from '../forms/flows.ts';
import type { InstantJson } from '../forms/instant.ts';
import type { JournalAnswer } from '../forms/journal.ts';
import type { JournalQuestion, ListQuestion, MomentQuestion, PacketQuestion } from '../forms/questions.ts';
import type { Line, WalkJson } from '../forms/walk.ts';
import type { HistoryFilter } from '../journal/filter.ts';
import { historyOf } from '../journal/history.ts';
import { type Asked, type Instant, instantAt, timeText } from '../journal/instant.ts';
import { parseMoment } from '../journal/moment.ts';
import { ownersOf } from '../journal/owners.ts';
import { parseAddress } from '../net/address.ts';
import { parsePort } from '../net/port.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { InvalidQuery } from '../observe/invalid-query.ts';
import { explainQuery } from './explain-query.ts';

/** Questions about the past, answered from the folder of the journal. All reject with InvalidQuery or NotRecorded. */

type PastPacket = PacketQuestion & MomentQuestion;

/** As `walkJson`, for the plan in force at the time `at`. */
export async function explainPast(folder: string, question: PastPacket, now: number): Promise<WalkJson> {
  const { walk, instant } = await walkPast(folder, question, now);
  return { ...walkJson(walk), at: instant };
}

/** As `describeWalk`. */
export async function describePast(
  folder: string,
  { all, ...question }: PastPacket & ListQuestion,
  now: number,
): Promise<Line[]> {
  const { walk, instant } = await walkPast(folder, question, now);
  return [...describeInstant(instant), [], ...describeWalk(walk, null, all !== undefined)];
}

export async function historyPast(
  folder: string,
  question: JournalQuestion,
  now: number,
): Promise<JournalAnswer> {
  const { object = null, address, since, until, limit, packets } = question;
  return await historyOf(folder, {
    object,
    address: address === undefined ? null : readAddress(address),
    since: since === undefined ? null : readMoment('since', since, now),
    until: until === undefined ? null : readMoment('until', until, now),
    limit: limit === undefined ? USUAL_LIMIT : readLimit(limit),
    packets: packets !== undefined,
  });
}

export interface OwnerQuestion {
  readonly address: string;
  readonly port: number;
  readonly protocol: string | null;
  readonly at: string;
}

/** Who could use an address and port at that time, by the plan. */
export async function ownersPast(
  folder: string,
  { address, port, protocol, at }: OwnerQuestion,
  now: number,
): Promise<readonly PortOwner[]> {
  const { planner } = await instantAt(folder, readMoment('at', at, now));
  const parsed = parseAddress(address);
  if (parsed === null) throw new InvalidQuery(`address: "${address}" is no address`);
  const known = PROTOCOLS.find((each) => each === protocol) ?? null;
  return ownersOf(planner.plan, { address: parsed, port, protocol: known });
}

const USUAL_LIMIT = 50;
const MOST_ENTRIES = 1000;

/** What cannot be known about any moment of the past. */
const NOT_RECORDED =
  'rules and routes of other programs, and the connections of that time, are not recorded: this is what knat decided';

async function walkPast(folder: string, { at = '', ...packet }: PastPacket, now: number) {
  const instant = await instantAt(folder, readMoment('at', at, now));
  const walk: Walk = explainQuery(instant.planner, packet);
  return { walk, instant: instantJson(at, instant) };
}

function instantJson(asked: string, { position, since, until, notes }: Instant): InstantJson {
  return {
    asked,
    position,
    since: timeText(since),
    until: until === null ? null : timeText(until),
    notes: [...notes, NOT_RECORDED],
  };
}

/** Width of the column with the labels, as in `describeWalk`. */
const COLUMN = 13;

function describeInstant({ position, since, until, notes }: InstantJson): Line[] {
  const end = until === null ? 'in force since' : `until ${until}, in force since`;
  return [
    ...labelled('At', COLUMN, `${end} ${since} (position ${position})`, 'strong'),
    ...notes.flatMap((note) => labelled('', COLUMN, note, 'dim')),
  ];
}

function readMoment(name: string, text: string, now: number): Asked {
  const moment = parseMoment(text, now);
  if (typeof moment === 'string') throw new InvalidQuery(`${name}: ${moment}`);
  return moment;
}

function readAddress(text: string): NonNullable<HistoryFilter['address']> {
  const whole = parseAddress(text);
  if (whole !== null) return { address: whole, port: null };
  const parts = /^(?:\[(.+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text);
  const address = parseAddress(parts?.[1] ?? parts?.[2] ?? '');
  const port = parsePort(Number(parts?.[3]));
  if (address === null || port === null) {
    throw new InvalidQuery(`address: "${text}" is no ADDRESS or ADDRESS:PORT, such as 10.96.0.10:80`);
  }
  return { address, port };
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_ENTRIES) return limit;
  throw new InvalidQuery(`limit: "${text}" is no number from 1 to ${MOST_ENTRIES}`);
}
