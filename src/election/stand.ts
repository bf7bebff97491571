/** Taking part in an election, for as long as the container runs. */
import { readFileSync } from 'node:fs';
import { sha256 } from '../digest.ts';
import { repairMembers } from '../etcd/repair.ts';
import type { Host } from '../host.ts';
import type { Election, Plan } from '../plan.ts';
import type { Candidacy, Office, Standing } from '../process/means.ts';
import { answerAsks, askFor, hearAnswers } from './ask.ts';
import { campaign } from './campaign.ts';
import { watchFiles } from './files.ts';
import { tellLeaders } from './lead.ts';
import { observe } from './observe.ts';
import { answerRollCalls } from './present.ts';
import { tellQuorum } from './quorum.ts';
import { keys, type MemberFile } from './records.ts';
import { openStore, parsed } from './store.ts';

/** What beside a plan is needed to stand for it. */
export interface StandMeans {
  readonly host: Host;
  readonly version: string;
  /** Has the kernel continue us at a moment, should somebody have stopped us; without one, no more. */
  readonly wake: (inMs?: number) => void;
}

/** Where the leader puts another member's file; ours alone can read it. */
const askedPath = '/run/ldms-entrypoint/asked.yaml';

/**
 * Begins to take part.
 *
 * @param plan one with tasks, of which the first writes the configuration
 */
export function stand(plan: Plan, election: Election, standing: Standing, means: StandMeans): Candidacy {
  const { log, stop, apply } = standing;
  const { host, version, wake } = means;
  const store = openStore(election, stop);
  const observer = observe(election, store, stop);
  let office: Office | undefined;
  const leads = () => office !== undefined && !office.lost.aborted;
  const place = host.path(askedPath);
  const asking = { election, store, observer, log, apply, place, leads };
  tellLeaders(election, observer, log);
  watchFiles(election, observer, log, stop);
  answerRollCalls(election, store, observer, () => (leads() ? 'leads' : 'follows'), version);
  hearAnswers(asking);
  const asks = answerAsks(asking);
  const file = registerFile(election, store, observer);
  const [task] = plan.tasks;
  const candidate = {
    election,
    store,
    observer,
    quorum: tellQuorum(election, log),
    process: process.getBuiltinModule('node:crypto').randomUUID(),
    task,
    by: task ? programDigest(task.command.program, host) : '',
    wake,
    stop,
  };
  let former: string | undefined;
  return {
    win: async () => {
      const won = await campaign(candidate, former);
      if (!won) return undefined;
      former = won.lease;
      office = won;
      const over = AbortSignal.any([stop, won.lost]);
      void repairMembers(election, { log, stop: over });
      return {
        ...won,
        mustApply: async (digest) => {
          const must = await won.mustApply(digest);
          // What was asked of whoever led before comes after our own.
          asks.look();
          return must;
        },
      };
    },
    register: file.register,
    ask: (path) => askFor(path, asking),
  };
}

/** Tells the others which file this member has, as soon and as often as etcd has been asked anew. */
function registerFile(
  election: Election,
  store: ReturnType<typeof openStore>,
  observer: ReturnType<typeof observe>,
): { register: (digest: string) => void } {
  const key = keys.file(election.peers.self.name);
  let digest = election.digest;
  const tell = () => {
    if (parsed<MemberFile>(observer.text(key))?.digest === digest) return;
    const record: MemberFile = { digest, at: new Date().toISOString() };
    // Without a quorum it is told when there is one again, and all is read anew.
    store.write(key, record).catch(() => undefined);
  };
  observer.onRead(tell);
  return {
    register: (now) => {
      digest = now;
      tell();
    },
  };
}

/** SHA-256 of a program: another version of maestro_ctrl may store the same file otherwise. */
function programDigest(program: string, host: Host): string {
  const found = host.program(program);
  if (!('path' in found)) return '';
  return sha256(readFileSync(found.path));
}
