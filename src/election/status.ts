/** How several maestro containers are doing, asked from one of them. */
import { decode, encode, follow, type Patience, post, rangeOf, requestWords } from '../etcd/gateway.ts';
import { type Member, membersOfAnswer } from '../etcd/peers.ts';
import type { HealthFacts } from '../plan.ts';
import { type Applied, type Here, keys, type MemberFile, type Reign, type RollCall } from './records.ts';
import { answerLimitMs, parsed } from './store.ts';

/** What is known of one member. Absent is what it has not said. */
export interface MemberStatus {
  readonly member: string;
  /** `not known`: without a quorum nobody can be asked. */
  readonly role: Here['role'] | 'no answer' | 'no member of etcd' | 'not known';
  readonly etcd: 'raft leader' | 'member' | 'no answer' | 'no member' | 'not known';
  readonly peerUrls: readonly string[];
  /** Of ldms-entrypoint. */
  readonly version?: string;
  /** How far its etcd has carried out the log of raft when it was asked; a 64-bit number as text. */
  readonly raftIndex?: string;
  /** How many entries less than the one that is farthest. */
  readonly lag?: number;
  /** From the roll-call to its answer, in milliseconds. */
  readonly answerMs?: number;
  /** SHA-256 of its file, in hexadecimal. */
  readonly digest?: string;
  /** Whether that is what is in force. */
  readonly isInForce: boolean;
}

/** What is known of all. */
export interface ClusterStatus {
  /** The one that was asked. */
  readonly member: string;
  /** Who leads, and has just said so. */
  readonly leader?: string;
  /** Who leads, or has led last, as etcd has it. */
  readonly reign?: Reign;
  /** Whose file is in force. */
  readonly applied?: Applied;
  /** Why etcd cannot be used: it does not answer, or has no quorum. */
  readonly wrong?: { readonly of: 'etcd' | 'quorum'; readonly why: string };
  /** 64-bit numbers as text. */
  readonly revision?: string;
  readonly raftTerm?: string;
  /** In the order of the list; behind them what else is a member of etcd. */
  readonly members: readonly MemberStatus[];
}

/** A member's answer, with the milliseconds that it took. */
interface Answer {
  readonly here: Here;
  readonly answerMs: number;
}

/** What is kept, read of the member's own etcd. */
interface Found {
  readonly records: ReadonlyMap<string, string>;
  readonly revision: string;
}

/**
 * Asks etcd, and all members by a roll-call, for which they have a second.
 *
 * @param url of the member's own etcd
 */
export async function clusterStatus(
  url: string,
  { prefix, member, members }: NonNullable<HealthFacts['election']>,
): Promise<ClusterStatus> {
  const patience = { limitMs: answerLimitMs, stop: new AbortController().signal };
  const [list, raft, called] = await Promise.all([
    post(url, 'cluster/member/list', {}, patience).then(membersOfAnswer, () => []),
    post(url, 'maintenance/status', {}, patience).catch((error: unknown) => requestWords(error)),
    callRoll(url, prefix, members, patience).catch((error: unknown) => requestWords(error)),
  ]);
  const reached = typeof called !== 'string';
  const read = await readRecords(url, prefix, reached, patience).catch(() => undefined);
  const record = <T>(key: string): T | undefined => parsed<T>(read?.records.get(key));
  const reign = record<Reign>(keys.reign);
  const applied = record<Applied>(keys.applied);
  const answers = reached ? called : undefined;
  const hasLeader = reign && !reign.ended && answers?.get(reign.member)?.here.role === 'leads';
  const wrong = typeof called === 'string' ? whatIsWrong(raft, called) : undefined;
  const names = [...new Set([...members, ...list.map(({ name }) => name).filter(Boolean)])];
  return {
    member,
    ...(hasLeader && { leader: reign.member }),
    ...(reign && { reign }),
    ...(applied && { applied }),
    ...(wrong && { wrong }),
    ...(read && { revision: read.revision }),
    ...(typeof raft !== 'string' && { raftTerm: String(raft['raftTerm'] ?? 0) }),
    members: names.map((name) => {
      const file = record<MemberFile>(keys.file(name));
      const isInForce = file !== undefined && file.digest === applied?.digest;
      return {
        member: name,
        ...seen(name, list, answers, typeof raft === 'string' ? {} : raft, member),
        ...(file && { digest: file.digest }),
        isInForce,
      };
    }),
  };
}

/** Why the roll could not be called: a member's etcd that answers for itself has no quorum. */
function whatIsWrong(
  raft: Record<string, unknown> | string,
  why: string,
): NonNullable<ClusterStatus['wrong']> {
  if (typeof raft === 'string') return { of: 'etcd', why: raft };
  const errors = Array.isArray(raft['errors']) ? raft['errors'].map(String) : [];
  return { of: 'quorum', why: errors.join(', ') || why };
}

/** What etcd's list and the roll-call tell of a member. */
function seen(
  name: string,
  list: readonly Member[],
  answers: ReadonlyMap<string, Answer> | undefined,
  raft: Record<string, unknown>,
  asked: string,
): Omit<MemberStatus, 'member' | 'digest' | 'isInForce'> {
  const entry = list.find((one) => one.name === name);
  const peerUrls = entry?.peerUrls ?? [];
  const answer = answers?.get(name);
  const isRaftLeader =
    answer?.here.isRaftLeader ??
    (entry !== undefined && raft['leader'] !== undefined && raft['leader'] === entry.id);
  const isThere = answer !== undefined || (name === asked && raft['header'] !== undefined);
  const silent = answers ? 'no answer' : 'not known';
  if (list.length > 0 && !entry) return { role: 'no member of etcd', etcd: 'no member', peerUrls };
  const etcd = isRaftLeader ? 'raft leader' : isThere ? 'member' : silent;
  if (!answer) return { role: silent, etcd, peerUrls };
  const { role, version, raftIndex } = answer.here;
  const farthest = [...(answers?.values() ?? [])].reduce(
    (most, { here }) => larger(most, here.raftIndex),
    0n,
  );
  const lag = Number(farthest - BigInt(raftIndex));
  return { role, etcd, peerUrls, version, raftIndex, lag, answerMs: answer.answerMs };
}

const larger = (one: bigint, other: string): bigint => (BigInt(other) > one ? BigInt(other) : one);

/** All records; without a quorum, as the member's own etcd has them. */
async function readRecords(
  url: string,
  prefix: string,
  hasQuorum: boolean,
  patience: Patience,
): Promise<Found> {
  const words = { ...rangeOf(prefix), ...(!hasQuorum && { serializable: true }) };
  const { kvs, header } = await post(url, 'kv/range', words, patience);
  const entries = (kvs ?? []) as { key: string; value?: string }[];
  return {
    records: new Map(entries.map(({ key, value }) => [decode(key).slice(prefix.length), decode(value)])),
    revision: (header as { revision: string }).revision,
  };
}

/**
 * Has every member that runs say so.
 *
 * @param members those that are waited for
 * @throws if it cannot be written down, as without a quorum
 */
async function callRoll(
  url: string,
  prefix: string,
  members: readonly string[],
  patience: Patience,
): Promise<Map<string, Answer>> {
  const call: RollCall = { id: process.getBuiltinModule('node:crypto').randomUUID() };
  const begun = performance.now();
  const words = { key: encode(prefix + keys.call), value: encode(JSON.stringify(call)) };
  const { header } = await post(url, 'kv/put', words, patience);
  const answers = new Map<string, Answer>();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), answerLimitMs);
  const next = BigInt((header as { revision: string }).revision) + 1n;
  const wanted = { ...rangeOf(prefix + keys.here('')), start_revision: String(next) };
  const each = (said: Record<string, unknown>) => {
    const { events = [] } = (said['result'] ?? {}) as { events?: { kv: { key: string; value?: string } }[] };
    for (const { kv } of events) {
      const here = parsed<Here>(decode(kv.value));
      if (here?.call !== call.id) continue;
      const name = decode(kv.key).slice((prefix + keys.here('')).length);
      answers.set(name, { here, answerMs: Math.round(performance.now() - begun) });
    }
    if (members.every((name) => answers.has(name))) over.abort();
  };
  // However the watch ends, what has been heard until then counts.
  await follow(url, 'watch', { create_request: wanted }, each, over.signal).catch(() => undefined);
  clearTimeout(timer);
  return answers;
}
