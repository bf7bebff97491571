/** What our leader process costs where it stays: memory and wake-ups at rest, and a munged that is started again. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { mungedsOf } from '../support/machine.ts';
import { installed } from '../support/needs.ts';
import { program, run, start, until } from '../support/program.ts';
import { follow, lacking, makeMaestroPlace, stop } from './maestro.ts';
import { makePlace, type Place } from './place.ts';
import { fieldOf, switchesOf } from './proc.ts';
import { inMs, largest, leftOut, median, now, type Part, progress, table } from './table.ts';

const memoryLimitKb = 18 * 1024;
const restMs = 10_000;
const restartLimitMs = 400;
const mostRounds = 10;
// V8 tidies up once some 10 s and once some 30 s after a start (measured).
const settleMs = 35_000;
// What strace's coming has interrupted is done by then.
const straceSettleMs = 1000;

const withMunge = installed('munged') && installed('munge') && installed('unmunge');

/** A sampler with its munged, where there is one, that we supervise. */
function makeSupervised(): { place: Place; args: readonly string[] } {
  const place = makePlace({ LDMS_ENTRYPOINT_SUPERVISE: '1', LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
  place.write('bin/ldmsd', '#!/bin/sh\nexec sleep 300\n', 0o755);
  place.recordVersion();
  return { place, args: ['samp', '-x', 'sock:10411', ...(withMunge ? ['-a', 'munge'] : [])] };
}

/** Starts it and waits until its main runs. */
async function begin(place: Place, args: readonly string[], main: string) {
  const { child } = start(program, args, { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
  const log = follow(child, 'stderr');
  await log.until(new RegExp(`${main} runs, as process`));
  return { child, log };
}

/** Memory, threads and wake-ups of our process while nothing happens. */
export async function atRest(): Promise<Part> {
  const { place, args } = makeSupervised();
  const lack = lacking();
  const maestro = lack === undefined ? await makeMaestroPlace() : undefined;
  const samplers = withMunge
    ? 'samp with its munged, LDMS_ENTRYPOINT_SUPERVISE=1'
    : 'samp, LDMS_ENTRYPOINT_SUPERVISE=1';
  const subjects = [
    ...(maestro ? [{ what: 'maestro with etcd', ...(await begin(maestro, ['maestro'], 'maestro')) }] : []),
    { what: samplers, ...(await begin(place, args, 'ldmsd')) },
  ];
  progress('waiting until all is at rest ');
  await pause(settleMs);
  const rests = await Promise.all(
    subjects.map(async ({ what, child }) => ({ what, ...(await rest(child)) })),
  );
  progress('');
  await Promise.all(subjects.map(({ child }) => stop(child)));
  place.remove();
  maestro?.remove();
  const text = table(
    [
      'our process at rest, in 10 s',
      'private memory',
      'limit',
      'threads',
      'wake-ups',
      'limit',
      'system calls',
      'limit',
    ],
    rests.map(({ what, kilobytes, threads, wakeUps, calls }) => [
      what,
      `${(kilobytes / 1024).toFixed(1)} MB`,
      `${memoryLimitKb / 1024} MB`,
      threads,
      String(wakeUps),
      '0',
      calls === undefined ? 'no strace' : String(calls),
      calls === undefined ? '' : '0',
    ]),
  );
  return {
    text: lack === undefined ? text : `${text}\n${leftOut('maestro at rest', lack).text}`,
    over: rests.flatMap(({ what, kilobytes, wakeUps, calls = 0 }) => [
      ...(kilobytes > memoryLimitKb ? [`private memory of ${what}`] : []),
      ...(wakeUps > 0 || calls > 0 ? [`wake-ups of ${what}`] : []),
    ]),
  };
}

interface Rest {
  readonly kilobytes: number;
  readonly threads: string;
  readonly wakeUps: number;
  /** Counted by strace; undefined where that is missing or may not look. */
  readonly calls: number | undefined;
}

async function rest({ pid = 0 }: ChildProcess): Promise<Rest> {
  const before = switchesOf(pid);
  await pause(restMs);
  const wakeUps = switchesOf(pid) - before;
  const kilobytes = Number.parseInt(fieldOf(pid, 'RssAnon'), 10);
  return { kilobytes, threads: fieldOf(pid, 'Threads'), wakeUps, calls: await systemCalls(pid) };
}

/** How many system calls a process makes in that time, not counting those that strace's coming interrupts. */
async function systemCalls(pid: number): Promise<number | undefined> {
  if (!installed('strace')) return undefined;
  const place = makePlace();
  const file = place.path('strace');
  const { child: strace } = start('strace', ['-f', '-ttt', '-qq', '-o', file, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => strace.on('close', () => resolve()));
  await Promise.race([pause(straceSettleMs), ended]);
  const isThere = fieldOf(pid, 'TracerPid') === String(strace.pid);
  const from = Date.now() / 1000;
  if (isThere) await pause(restMs);
  const to = Date.now() / 1000;
  strace.kill('SIGINT');
  await ended;
  const moments = isThere
    ? [...readFileSync(file, 'utf8').matchAll(/^\d+ +(\d+\.\d+) /gm)].map(([, at]) => Number(at))
    : undefined;
  place.remove();
  return moments?.filter((at) => at > from && at < to).length;
}

/** From the death of munged until the next one encodes and decodes. */
export async function restartOfMunged(rounds: number): Promise<Part> {
  const title = 'a munged that is killed, until the next one is usable';
  if (!withMunge) return leftOut(title, 'munge');
  const { place, args } = makeSupervised();
  const taken: number[] = [];
  const count = Math.min(rounds, mostRounds);
  // Each round has a start of its own, since pauses grow while munged dies again and again.
  for (let round = 0; round < count; round++) {
    progress(`munged: round ${round + 1} of ${count} `);
    const { child, log } = await begin(place, args, 'ldmsd');
    const [munged = 0] = mungedsOf(place.path(''));
    const begun = now();
    process.kill(munged, 'SIGKILL');
    taken.push((await log.until(/munged is ready[\s\S]*munged is ready/)) - begun);
    const { code } = await run('munge', ['-n', `--socket=${place.socket}`]);
    if (code !== 0) throw new Error(`munge ended with ${code} after the restart of munged`);
    await stop(child);
    await until('munged has ended', () => place.mungeds() === 0);
  }
  progress('');
  place.remove();
  const ms = median(taken);
  return {
    text: table(
      [title, 'limit', 'median', 'longest', 'runs'],
      [
        [
          'of which 100 ms are our pause before the restart',
          `${restartLimitMs} ms`,
          inMs(ms),
          inMs(largest(taken)),
          String(taken.length),
        ],
      ],
    ),
    over: ms > restartLimitMs ? [title] : [],
  };
}
