/**
 * `health`: is the running container doing what it is for? Asked by docker's HEALTHCHECK every
 * minute on compute nodes, so it is quick, has no side effects, and needs no arguments: what to
 * look at was recorded when the daemon was started.
 */
import type { Reign } from '../election/records.ts';
import type { Host } from '../host.ts';
import { roundTrip } from '../munge/probe.ts';
import type { Listener, WebFacts } from '../plan.ts';
import { whyNotAccepted } from '../process/connect.ts';
import { findRecord, isRunning, type PlanRecord } from '../record.ts';
import type { Settings } from '../settings.ts';

/** The verdict, with what was asked or what is broken. */
export interface Verdict {
  readonly healthy: boolean;
  readonly text: string;
}

/** One thing that was looked at: `wrong` is absent when it is well, for which `well` are the words. */
interface Finding {
  readonly what: string;
  readonly well?: string;
  readonly wrong?: string;
}

/** Asks everything at once. Bounded by LDMS_ENTRYPOINT_HEALTH_TIMEOUT. */
export async function checkHealth(settings: Settings, host: Host): Promise<Verdict> {
  const record = findRecord(host);
  if (!record) {
    return { healthy: false, text: 'no daemon that ldms-entrypoint has started is running here' };
  }
  const limitMs = settings.healthTimeoutMs;
  const found = await Promise.all<Finding | Finding[]>([
    ...record.listeners.map((listener) => listens(listener, limitMs)),
    ...(record.etcd ? etcdAndMain(record, record.etcd, limitMs) : mainRuns(record)),
    ...(record.web ? [webAnswers(record.web, limitMs)] : []),
    ...(record.mungeSocket ? [mungeAnswers(record.mungeSocket, limitMs)] : []),
    ...(settings.health === 'deep' ? record.listeners.map((at) => ldmsLs(at, record, limitMs)) : []),
  ]);
  const findings = found.flat();
  const broken = findings.filter(({ wrong }) => wrong !== undefined);
  if (broken.length > 0) {
    return { healthy: false, text: broken.map(({ what, wrong }) => `${what}: ${wrong}`).join('; ') };
  }
  const asked = [
    `${record.mode} runs as process ${record.pid}`,
    ...findings.map(({ what, well }) => `${what} ${well ?? 'answers'}`),
  ];
  return { healthy: true, text: asked.join(', ') };
}

/**
 * Whether a listener accepts a connection.
 *
 * Only `sock` listens on TCP. An rdma, ugni or fabric listener cannot be asked without a client of
 * that transport: that its daemon is alive is all that the quick check knows, and `deep` asks it.
 */
async function listens({ xprt, port, host }: Listener, limitMs: number): Promise<Finding> {
  const what = `${xprt}:${port}`;
  if (xprt !== 'sock') return { what, well: 'was not asked (only ldms_ls can)' };
  const wrong = await whyNotAccepted({ host: host ?? '127.0.0.1', port }, limitMs);
  return wrong === undefined ? { what, well: 'accepts connections' } : { what, wrong };
}

/** Of one of several, which process has to run depends on what etcd says. */
const etcdAndMain = (record: PlanRecord, url: string, limitMs: number) =>
  record.election
    ? [memberServes(record, record.election, url, limitMs)]
    : [...mainRuns(record), etcdAnswers(url, limitMs)];

/** Whether one of several leads and runs its daemon, or is ready to. */
async function memberServes(
  record: PlanRecord,
  { prefix, member, members }: NonNullable<PlanRecord['election']>,
  url: string,
  limitMs: number,
): Promise<Finding[]> {
  const { decode, encode, post, requestWords, whyUnhealthy } = await import('../etcd/gateway.ts');
  const { keys } = await import('../election/records.ts');
  const { parsed } = await import('../election/store.ts');
  const patience = { limitMs, stop: new AbortController().signal };
  // Each etcd answers these two for itself, so that a missing quorum does not keep us waiting for them.
  const range = { key: encode(prefix + keys.reign), serializable: true };
  const [why, raft, read] = await Promise.all([
    whyUnhealthy(url, patience),
    post(url, 'maintenance/status', {}, patience).catch((error: unknown) => requestWords(error)),
    post(url, 'kv/range', range, patience).catch(() => ({}) as Record<string, unknown>),
  ]);
  if (why !== undefined) {
    if (typeof raft === 'string') return [{ what: 'etcd', wrong: raft }];
    const errors = Array.isArray(raft['errors']) ? raft['errors'].map(String) : [];
    const alarm = errors.find((text) => /alarm|nospace|corrupt/i.test(text));
    if (alarm !== undefined) return [{ what: 'etcd', wrong: `it says ${alarm}` }];
    const most = Math.floor(members.length / 2) + 1;
    const needed = `${most} of ${members.join(', ')} have to run and reach each other`;
    return [{ what: 'no quorum', wrong: `${errors.join(', ') || why}; ${needed}` }];
  }
  const [kv] = (read['kvs'] ?? []) as { value?: string }[];
  const reign = parsed<Reign>(kv && decode(kv.value));
  const what = `this member, ${member},`;
  if (!reign || reign.ended) return [{ what, well: 'waits: nobody leads yet' }];
  if (reign.member !== member) return [{ what, well: `follows ${reign.member}, ready` }];
  if (!record.main) return [{ what, well: 'leads, and prepares' }];
  return [{ what, well: 'leads' }, ...mainRuns(record)];
}

async function etcdAnswers(url: string, limitMs: number): Promise<Finding> {
  const { whyUnhealthy } = await import('../etcd/gateway.ts');
  const wrong = await whyUnhealthy(url, { limitMs, stop: new AbortController().signal });
  return wrong === undefined ? { what: 'etcd', well: 'is healthy' } : { what: 'etcd', wrong };
}

async function webAnswers(facts: WebFacts, limitMs: number): Promise<Finding> {
  const { whyUnwell } = await import('./web.ts');
  const { at, protocol, path } = facts;
  const place = 'socket' in at ? at.socket : `${at.host}:${at.port}`;
  const what = `${protocol} at ${place}`;
  const wrong = await whyUnwell(facts, limitMs);
  return wrong === undefined ? { what, well: `answers ${path}` } : { what, wrong };
}

/** Whether the daemon that we supervise runs: it is recorded when its configuration has been put in place. */
function mainRuns({ main, mode }: PlanRecord): Finding[] {
  if (!main) return [];
  const what = `${mode}'s process ${main.pid}`;
  return [isRunning(main) ? { what, well: 'runs' } : { what, wrong: 'it has ended' }];
}

async function mungeAnswers(socket: string, limitMs: number): Promise<Finding> {
  const trip = await roundTrip(socket, limitMs, new AbortController().signal);
  return trip.ok ? { what: 'munge' } : { what: 'munge', wrong: trip.because };
}

/** Asks the daemon for its metric sets, as a peer would. ldms_ls has no time limit of its own. */
async function ldmsLs(
  { xprt, port, host, auth: own }: Listener,
  record: PlanRecord,
  limitMs: number,
): Promise<Finding> {
  const { execa } = await import('execa');
  const where = ['-h', host ?? 'localhost', '-x', xprt, '-p', String(port)];
  const auth = own ?? record.auth;
  const as = auth ? ['-a', auth.name, ...auth.args.flatMap((arg) => ['-A', arg])] : [];
  const result = await execa('ldms_ls', [...where, ...as], {
    stdin: 'ignore',
    stdout: 'ignore',
    reject: false,
    timeout: limitMs,
    forceKillAfterDelay: 200,
  });
  const what = `ldms_ls of ${xprt}:${port}`;
  if (!result.failed) return { what };
  if (result.timedOut) return { what, wrong: `no answer within ${limitMs / 1000} s` };
  const said = result.stderr.trim().split('\n').at(-1);
  const reason =
    result.exitCode === undefined ? 'ldms_ls cannot be run' : `ldms_ls ended with ${result.exitCode}`;
  return { what, wrong: said ? `${reason}: ${said}` : reason };
}
