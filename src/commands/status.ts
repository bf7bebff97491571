/** `status`: how several maestro containers are doing, as this one knows it and the others say. */
import { shortDigest } from '../election/files.ts';
import type { Reign } from '../election/records.ts';
import { type ClusterStatus, clusterStatus, type MemberStatus } from '../election/status.ts';
import { post, requestWords, whyUnhealthy } from '../etcd/gateway.ts';
import type { Host } from '../host.ts';
import { findRecord, isRunning, type PlanRecord } from '../record.ts';

/** A container that is not one of several. */
export interface LoneStatus {
  readonly mode: string;
  readonly pid: number;
  /** Of its own etcd, if it has one; 64-bit numbers as text. */
  readonly etcd?: { readonly revision?: string; readonly raftTerm?: string };
  /** Why it does not do what it is for. */
  readonly wrong?: string;
}

/** What was found. */
export type Status =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'alone' } & LoneStatus)
  | ({ readonly kind: 'several' } & ClusterStatus);

// For one answer of an etcd on loopback.
const limitMs = 1000;

/** Asks; within some seconds, whoever does not answer. */
export async function statusOf(host: Host): Promise<Status> {
  const record = findRecord(host);
  if (!record) return { kind: 'none' };
  const { etcd, election } = record;
  if (etcd === undefined || !election) return { kind: 'alone', ...(await aloneStatus(record)) };
  return { kind: 'several', ...(await clusterStatus(etcd, election)) };
}

async function aloneStatus({ mode, pid, etcd: url, main }: PlanRecord): Promise<LoneStatus> {
  const ended = main && !isRunning(main) ? [`its process ${main.pid} has ended`] : [];
  if (url === undefined) return { mode, pid, ...(ended[0] !== undefined && { wrong: ended[0] }) };
  const patience = { limitMs, stop: new AbortController().signal };
  const [why, raft] = await Promise.all([
    whyUnhealthy(url, patience),
    post(url, 'maintenance/status', {}, patience).catch((error: unknown) => requestWords(error)),
  ]);
  const wrong = [...ended, ...(why === undefined ? [] : [`etcd: ${why}`])].join('; ');
  if (typeof raft === 'string') return { mode, pid, etcd: {}, wrong: wrong || `etcd: ${raft}` };
  const { revision } = (raft['header'] ?? {}) as { revision?: string };
  const etcd = { revision: revision ?? '0', raftTerm: String(raft['raftTerm'] ?? 0) };
  return { mode, pid, etcd, ...(wrong && { wrong }) };
}

/** 0 if all is well: with several, there is a leader and a quorum. */
export function statusExit(status: Status): 0 | 1 {
  if (status.kind === 'none') return 1;
  if (status.kind === 'alone') return status.wrong === undefined ? 0 : 1;
  return status.leader !== undefined && !status.wrong ? 0 : 1;
}

/** For people. */
export function statusText(status: Status): string {
  switch (status.kind) {
    case 'none':
      return 'no daemon that ldms-entrypoint has started is running here, and so none that is one of several\n';
    case 'alone':
      return `${aloneText(status)}\n`;
    case 'several':
      return `${severalText(status).join('\n')}\n`;
  }
}

function aloneText({ mode, etcd, wrong }: LoneStatus): string {
  const alone = `${mode} runs alone: this container is not one of several`;
  const known = etcd?.revision !== undefined && `etcd: revision ${etcd.revision}, raft term ${etcd.raftTerm}`;
  const well = known && !wrong ? `${known}, healthy` : known;
  return [alone, well, wrong].filter(Boolean).join('; ');
}

function severalText(status: ClusterStatus): string[] {
  const { member, members, reign, applied, wrong, revision, raftTerm } = status;
  const force = applied && [
    `in force: ${applied.member}'s ldms_cfg.yaml ${shortDigest(applied.digest)}, since ${utc(applied.at)}`,
  ];
  if (wrong?.of === 'etcd') return [`etcd of this member, ${member}, does not answer: ${wrong.why}`];
  const counted = members.filter(({ etcd }) => etcd !== 'no member');
  const present = counted.filter(({ answerMs }) => answerMs !== undefined).length;
  const quorum = wrong ? 'no quorum' : `quorum ${present} of ${counted.length}`;
  return [
    ...(wrong ? [noQuorumText(wrong.why, members)] : []),
    leaderText(status, reign),
    '',
    ...table(members),
    '',
    `etcd: revision ${revision ?? 'unknown'}, raft term ${raftTerm ?? 'unknown'}, ${quorum}`,
    ...(force ?? []),
  ];
}

function noQuorumText(why: string, members: readonly MemberStatus[]): string {
  const listed = members.filter(({ etcd }) => etcd !== 'no member');
  const all = listed.map(({ member, peerUrls }) =>
    peerUrls.length > 0 ? `${member} (${peerUrls.join(', ')})` : member,
  );
  const most = Math.floor(listed.length / 2) + 1;
  return `no quorum: ${why}; ${most} of ${all.join(', ')} have to run and reach each other`;
}

function leaderText({ leader, wrong, members }: ClusterStatus, reign: Reign | undefined): string {
  if (!reign) return 'nobody has led yet';
  const { member, since, after, ended } = reign;
  const how = after ? `, after ${after.member}: ${after.why}` : '';
  if (leader !== undefined) return `${member} leads since ${utc(since)}${how}`;
  if (ended) return `nobody leads: ${member} has until ${utc(ended.at)}: ${ended.why}`;
  if (wrong) return `${member} has led since ${utc(since)}${how}; without a quorum nobody leads`;
  const isSilent = members.every((one) => one.member !== member || one.answerMs === undefined);
  const why = isSilent ? 'it does not answer' : 'it leads no longer';
  return `nobody leads: ${member} has since ${utc(since)}${how}; ${why}`;
}

function table(members: readonly MemberStatus[]): string[] {
  const rows = [
    ['MEMBER', 'ROLE', 'ETCD', 'LAG', 'LDMS_CFG.YAML'],
    ...members.map(({ member, role, etcd, lag, answerMs, digest, isInForce }) => [
      member,
      role,
      etcd,
      lag === undefined ? '-' : `${lag} (${answerMs} ms)`,
      digest === undefined ? '-' : `${shortDigest(digest)}${isInForce ? ' in force' : ''}`,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A moment of ISO 8601 for people: `2026-11-23 21:30:12 UTC`. */
const utc = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
