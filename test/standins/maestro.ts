/**
 * A stand-in for maestro, where the real one cannot be had: it reads an LDMS cluster's configuration
 * from a real etcd and tells how many daemons there are, and again whenever maestro_ctrl has saved
 * another. It keeps a connection to each that is a stand-in too, and configures none of them. As the
 * real one it ends with 1 if etcd is down or has nothing under the prefix, never notices anything again
 * once its watch has died, and handles no signal.
 *
 * What goes wrong on demand once it has told its configuration, by STANDIN_MAESTRO (several joined
 * by commas), or by the content of the file that STANDIN_MAESTRO_FILE names, which counts in place
 * of it where it exists:
 * - `exit-N-after-MS`: exits with N after MS milliseconds
 * - `ignore-term`: from its start on, SIGTERM does nothing but being told on stderr
 * - `noisy`: writes a line of 1 MB, and words without a newline
 * - `orphans-N`: leaves N processes to init, each for a second (or STANDIN_ORPHAN_SECONDS);
 *   `standin-orphan-of-PID`, with maestro's pid, stands in their command lines
 * - `escapee`: starts a grandchild in a session of its own, which ignores SIGTERM, keeps stdout and
 *   stderr open, and lives for a minute; it tells its pid
 *
 * STANDIN_BEATS has it give signs of life; see maestro-beats.ts.
 */
import { spawn } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';
import { getPrefix, watch } from './etcd.ts';
import { complain, Ending, parseArguments, play } from './maestro-args.ts';
import { beat } from './maestro-beats.ts';
import { type Endpoint, endpointsOf, keepConnected } from './maestro-communicator.ts';
import { etcdUrl } from './maestro-config.ts';
import { numbersOf, readModes } from './maestro-modes.ts';
import { say } from './say.ts';

// Node would open its debugger on SIGUSR1. To add a listener and take it away again leaves the
// signal at its default, which is what the real one has.
process.once('SIGUSR1', () => undefined).removeAllListeners('SIGUSR1');
// Process listings show its name, as they do for the real one.
writeFileSync('/proc/self/comm', 'maestro');

const options = [
  { name: 'cluster', metavar: 'FILE', required: true },
  { name: 'rebalance', metavar: 'STRING' },
  { name: 'prefix', metavar: 'STRING', required: true },
  { name: 'start-aggregators' },
  { name: 'timeout', metavar: 'INT' },
  { name: 'version', metavar: 'VERSION' },
  { name: 'log-level', metavar: 'LOG_LEVEL' },
  { name: 'debug' },
];
const known = /^(exit-\d+-after-\d+|ignore-term|noisy|orphans-\d+|escapee)$/;
const us = 'maestro (stand-in)';

async function main(words: readonly string[]): Promise<void> {
  const ready = beat();
  const modes = readModes('MAESTRO', known);
  if (modes.includes('ignore-term')) process.on('SIGTERM', () => complain(`${us}: SIGTERM ignored`));
  const given = parseArguments('maestro', options, words);
  const url = etcdUrl(given.get('cluster') ?? '');
  const prefix = (given.get('prefix') ?? '').replace(/^\//, '');
  const first = await configuration(url, prefix);
  const follow = keepConnected(us);
  // One after the other, so that it is the latest that is followed.
  let readings: Promise<void> = Promise.resolve();
  // As in the real one, what is saved between the reading and the watch goes unnoticed. The line
  // comes after both, so that whoever has read it can count on the watch.
  const created = Promise.withResolvers<void>();
  watch(url, `/${prefix}/last_updated`, {
    created: created.resolve,
    put: () => {
      readings = readings.then(async () => {
        const next = await readAgain(url, prefix);
        if (next) follow(next);
      });
    },
    ended: (reason) => {
      complain(`${us}: the watch has died, and nothing will be noticed any more: ${reason}`);
      created.resolve();
    },
  });
  await created.promise;
  say(`${us}: ${first.words}`);
  ready();
  follow(first.endpoints);
  // It stays, whether or not it has something to do.
  setInterval(() => undefined, 1_800_000);
  misbehave(modes);
}

async function readAgain(url: string, prefix: string): Promise<readonly Endpoint[] | undefined> {
  try {
    const { words, endpoints } = await configuration(url, prefix);
    say(`${us}: configuration changed: ${words}`);
    return endpoints;
  } catch (error) {
    say(String(error));
    return undefined;
  }
}

/** What etcd has: in words, and the endpoints to connect to. */
async function configuration(
  url: string,
  prefix: string,
): Promise<{ words: string; endpoints: readonly Endpoint[] }> {
  const keys = await getPrefix(url, `/${prefix}`).catch((error) => {
    throw new Ending(1, `Unable to connect to etcd: ${error instanceof Error ? error.message : error}`);
  });
  // A neighbour such as /maestro2 begins with /maestro as well.
  const ours = [...keys.keys()].filter((key) => key.startsWith(`/${prefix}/`));
  if (ours.length === 0) throw new Ending(1, `KeyError: '${prefix}'`);
  const addresses = ours.filter((key) => /^daemons\/[^/]+\/[^/]+\/addr$/.test(key.slice(prefix.length + 2)));
  const updated = keys.get(`/${prefix}/last_updated`) ?? 'never';
  return {
    words: `${addresses.length} daemons configured, last_updated ${updated}`,
    endpoints: endpointsOf(keys, `/${prefix}/`),
  };
}

function misbehave(modes: readonly string[]): void {
  const [status, afterMs] = numbersOf(modes, /^exit-(\d+)-after-(\d+)$/) ?? [];
  if (status !== undefined) setTimeout(() => process.exit(status), afterMs);
  if (modes.includes('noisy')) writeAll(Buffer.from(`${'x'.repeat(1_000_000)}\na tail without a newline`));
  const [orphans] = numbersOf(modes, /^orphans-(\d+)$/) ?? [];
  for (let left = orphans ?? 0; left > 0; left--) leaveOrphan();
  if (modes.includes('escapee')) letEscape();
}

function writeAll(bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

/** Our child ends at once, and so its child is init's. */
function leaveOrphan(): void {
  const mark = `standin-orphan-of-${process.pid}`;
  const seconds = process.env['STANDIN_ORPHAN_SECONDS'] ?? '1';
  spawn('sh', ['-c', `sh -c 'sleep ${seconds}; :' ${mark} &`], { stdio: 'ignore' });
}

function letEscape(): void {
  const escapee = `trap "" TERM; echo "${us}: escapee $$"; exec sleep 60`;
  spawn('sh', ['-c', `setsid sh -c '${escapee}' & wait`], { stdio: ['ignore', 'inherit', 'inherit'] });
}

await play(() => main(process.argv.slice(2)));
