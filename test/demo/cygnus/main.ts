/**
 * Plays the cygnus example, examples/cygnus, in containers on this machine, and checks it.
 *
 * usage: npm run cygnus [-- --namespace NAME] [-- --stay]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import minimist from 'minimist';
import { BuilderError, exitStatus } from '../../../images/build/problem.ts';
import { event } from '../timeline.ts';
import { playCygnus } from './play.ts';

const usage = `usage: npm run cygnus [-- OPTION...]

Plays the cluster of examples/cygnus in containers of docker on this machine: four samplers, three
aggregators, maestro, the web back-end and grafana. Each is asked whether it is healthy, maestro whether it
has reached every daemon, the web back-end for a page; then all are stopped at once.

  --namespace NAME  what stands before /ldms-samp in the names of the images (ovishpc; where these are
                    not, images of stand-ins for LDMS are built)
  --stay            leave it running until Ctrl-C
  --help            print this
`;

const deadlineMs = 120_000;
// Each asking is a docker exec, and ten containers are asked at once.
const pauseMs = 250;
const stopping = new AbortController();
// As a shell has it for SIGINT.
const interrupted = 130;

/** Plays it; the exit status. */
async function main(words: readonly string[]): Promise<number> {
  const wrong: string[] = [];
  const options = minimist([...words], {
    boolean: ['stay', 'help'],
    string: ['namespace'],
    unknown: (word) => {
      wrong.push(word);
      return false;
    },
  });
  if (wrong.length > 0) {
    process.stderr.write(`cygnus: unknown option ${wrong.join(' ')}\n${usage}`);
    return 64;
  }
  if (options['help']) {
    process.stdout.write(usage);
    return 0;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  process.stdout.on('error', () => stopping.abort());
  const directory = mkdtempSync(join(tmpdir(), 'ldms-cygnus-'));
  let isOver = false;
  const stay = async () => {
    isOver = true;
    if (!options['stay']) return;
    event('cygnus', 'everything runs; Ctrl-C stops it', 'key');
    await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve));
  };
  try {
    const patience = { deadlineMs, pauseMs, stop: stopping.signal };
    const good = await playCygnus(directory, options['namespace'], patience, stay);
    return isOver || !stopping.signal.aborted ? Number(!good) : interrupted;
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    for (const sentence of error.sentences) process.stderr.write(`cygnus: ${sentence}\n`);
    return exitStatus[error.kind];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
