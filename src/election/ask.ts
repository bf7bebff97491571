/** A member's file, put in force by whoever leads: what HUP asks for on a member that follows. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sha256 } from '../digest.ts';
import { makePath } from '../directories.ts';
import { requestWords } from '../etcd/gateway.ts';
import type { Log } from '../log.ts';
import type { Election } from '../plan.ts';
import { sentence } from '../problem.ts';
import type { Standing } from '../process/means.ts';
import type { Observer } from './observe.ts';
import { type Answered, type Ask, keys } from './records.ts';
import { parsed, type Store } from './store.ts';

/** What asking and answering need. */
export interface Asking {
  readonly election: Election;
  readonly store: Store;
  readonly observer: Observer;
  readonly log: Log;
  readonly apply: Standing['apply'];
  /** Where a file of another member is put. */
  readonly place: string;
  readonly leads: () => boolean;
}

// etcd takes 1.5 MiB in one request unless told otherwise, which another member may not be.
const pieceBytes = 1 << 20;

/** Has whoever leads put the file at `path` in force. */
export async function askFor(path: string, { election, store, observer, log }: Asking): Promise<void> {
  const { name } = election.peers.self;
  const id = process.getBuiltinModule('node:crypto').randomUUID();
  try {
    const bytes = readFileSync(path);
    const pieces = Math.ceil(bytes.length / pieceBytes);
    for (let at = 0; at < pieces; at++) {
      const piece = bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes).toString('base64');
      await store.write(`${keys.text(id)}${at}`, { piece });
    }
    const digest = sha256(bytes);
    const ask: Ask = { id, member: name, digest, pieces };
    await store.write(keys.ask(name), ask);
    const leader = parsed<{ member: string }>(observer.text(keys.reign))?.member;
    await log('info', `SIGHUP: ${leader ?? 'whoever leads'} is asked to put this member's file in force`);
  } catch (error) {
    await log('error', `SIGHUP: the other members cannot be asked: ${requestWords(error)}; ${later}`);
  }
}

const later = 'send it again when etcd has a quorum';

/** Tells what became of what we have asked for. */
export function hearAnswers({ election, observer, log }: Asking): void {
  const told = new Set<string>();
  const { name } = election.peers.self;
  observer.on((key, text) => {
    const answer = key === keys.answer(name) ? parsed<Answered>(text) : undefined;
    const asked = parsed<Ask>(observer.text(keys.ask(name)));
    if (!answer || told.has(answer.id) || (asked && asked.id !== answer.id)) return;
    told.add(answer.id);
    if (answer.wrong === undefined)
      void log('info', `SIGHUP: ${answer.by} has put this member's file in force`);
    else void log('error', `SIGHUP: ${answer.by} could not put this member's file in force: ${answer.wrong}`);
  });
}

/** Puts in force what is asked for now and from now on, while we lead: `look` is to be called when that begins. */
export function answerAsks(asking: Asking): { look: () => void } {
  const { observer, leads, log } = asking;
  const done = new Set<string>();
  let turn = Promise.resolve();
  const look = () => {
    for (const text of observer.all('ask/').values()) {
      const ask = parsed<Ask>(text);
      if (!ask || done.has(ask.id) || !leads()) continue;
      done.add(ask.id);
      turn = turn
        .then(() => grant(ask, asking))
        .catch((error) => {
          // It stays asked for: of whoever leads next, which may be we again.
          done.delete(ask.id);
          return log('warn', `the file of ${ask.member} is not put in force yet: ${requestWords(error)}`);
        });
    }
  };
  observer.on((key) => {
    if (key.startsWith('ask/')) look();
  });
  return { look };
}

async function grant(ask: Ask, { election, store, observer, apply, place, log }: Asking): Promise<void> {
  const asked = parsed<Ask>((await store.read(keys.ask(ask.member)))?.text);
  // A later one of the same member has come meanwhile, with the file as it is now.
  if (asked && asked.id !== ask.id) return store.clear(keys.text(ask.id));
  const { found } = await store.readAll(keys.text(ask.id));
  const pieces = Array.from({ length: ask.pieces }, (_, at) => {
    const { piece = '' } = parsed<{ piece: string }>(found.get(`${keys.text(ask.id)}${at}`)?.text) ?? {};
    return Buffer.from(piece, 'base64');
  });
  const bytes = Buffer.concat(pieces);
  const by = election.peers.self.name;
  let wrong: string | undefined;
  if (sha256(bytes) !== ask.digest) {
    wrong = 'it did not arrive as it was sent';
  } else {
    await log('info', `the file of ${ask.member} is put in force, as it asks`);
    makePath(dirname(place));
    rmSync(place, { force: true });
    writeFileSync(place, bytes, { mode: 0o600, flag: 'wx' });
    const problem = await apply(place, { member: ask.member, digest: ask.digest });
    wrong = problem && sentence(problem);
    rmSync(place, { force: true });
  }
  const answer: Answered = { id: ask.id, by, ...(wrong !== undefined && { wrong }) };
  await store.write(keys.answer(ask.member), answer);
  // Another one may have come meanwhile, which is not ours to take away.
  const now = observer.text(keys.ask(ask.member));
  if (now !== undefined && parsed<Ask>(now)?.id === ask.id) {
    await store.change([{ key: keys.ask(ask.member), text: now }], [{ key: keys.ask(ask.member) }]);
  }
  await store.clear(keys.text(ask.id));
}
