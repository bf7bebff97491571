/**
 * A stand-in for maestro_ctrl, where the real one cannot be had: it saves an LDMS cluster's
 * configuration in a real etcd, with the real one's options, words, keys and exit codes. Like the
 * real one it exits with 0 when etcd is down. On stderr it says what it is.
 *
 * What goes wrong on demand, by STANDIN_CTRL (several joined by commas), or by the content of the
 * file that STANDIN_CTRL_FILE names, which counts in place of it where it exists:
 * - `hang`: has deleted the old configuration and written half of the new one, and never ends;
 *   `hang-hard` ignores SIGTERM as well
 * - `midway`: ends there with 1
 * - `put-error`: the first key is not set, which is printed; all else goes its way
 * - `not-saved`: tells of success and has done nothing
 * - `refuse`: prints that a list is wanted, does nothing, and exits with 0
 * - `crash`: dies by SIGSEGV before it does anything
 * - `exit-N`: exits with N before it does anything
 * - `slow-N`: begins after N ms
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { deletePrefix, put } from './etcd.ts';
import { complain, Ending, parseArguments, play } from './maestro-args.ts';
import { etcdUrl, notAList, readYaml, type Step, stepsFor } from './maestro-config.ts';
import { numbersOf, readModes } from './maestro-modes.ts';
import { say } from './say.ts';

// Process listings show its name, as they do for the real one.
writeFileSync('/proc/self/comm', 'maestro_ctrl');

const options = [
  { name: 'ldms_config', metavar: 'FILE', required: true },
  { name: 'cluster', metavar: 'FILE' },
  { name: 'prefix', metavar: 'STRING' },
  { name: 'local' },
  { name: 'local_path', metavar: 'STRING' },
  { name: 'generate-config-path', metavar: 'STRING' },
  { name: 'version', metavar: 'VERSION' },
  { name: 'debug' },
];
const known = /^(hang|hang-hard|midway|put-error|not-saved|refuse|crash|exit-\d+|slow-\d+)$/;
const saved = 'LDMS cluster configuration saved to etcd cluster.';

async function main(words: readonly string[]): Promise<void> {
  const modes = readModes('CTRL', known);
  if (modes.includes('hang-hard'))
    process.on('SIGTERM', () => complain('maestro_ctrl (stand-in): SIGTERM ignored'));
  const given = parseArguments('maestro_ctrl', options, words);
  complain('maestro_ctrl (stand-in)');
  if (given.has('local') || given.has('generate-config-path')) {
    throw new Ending(70, 'maestro_ctrl (stand-in): can only save to etcd');
  }
  await failBefore(modes);
  const config = readYaml(given.get('ldms_config') ?? '');
  const cluster = given.get('cluster');
  const url = cluster === undefined ? undefined : etcdUrl(cluster);
  const prefix = given.get('prefix') ?? 'unknown';
  const steps = stepsFor(prefix, config);
  if (url === undefined) {
    say('No action detected. Exiting...');
  } else if (modes.includes('not-saved') || (await save(url, prefix, steps, modes))) {
    say(saved);
  } else {
    say('Error saving ldms cluster configuration to etcd cluster.');
  }
  throw new Ending(0);
}

/** The failures before anything is done. */
async function failBefore(modes: readonly string[]): Promise<void> {
  const [delayMs] = numbersOf(modes, /^slow-(\d+)$/) ?? [];
  if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs));
  const [status] = numbersOf(modes, /^exit-(\d+)$/) ?? [];
  if (status !== undefined) throw new Ending(status);
  if (modes.includes('refuse')) throw notAList('daemons');
  if (modes.includes('crash')) {
    // Nobody wants its core.
    spawnSync('prlimit', ['--core=0', `--pid=${process.pid}`]);
    process.kill(process.pid, 'SIGSEGV');
    await never();
  }
}

/** Deletes what there is and sets key by key, last_updated last. False if etcd fails at the first or the last. */
async function save(
  url: string,
  prefix: string,
  steps: readonly Step[],
  modes: readonly string[],
): Promise<boolean> {
  const half = Math.ceil(steps.length / 2);
  try {
    await deletePrefix(url, `/${prefix}`);
    for (const [at, step] of steps.slice(0, half).entries()) {
      await take(url, step, at === 0 && modes.includes('put-error'));
    }
    await failMidway(modes);
    for (const step of steps.slice(half)) await take(url, step, false);
    await put(url, `/${prefix}/last_updated`, String(Date.now() / 1000));
    return true;
  } catch (error) {
    if (error instanceof Ending) throw error;
    say(reason(error));
    return false;
  }
}

/** The failures that leave half of a configuration. */
async function failMidway(modes: readonly string[]): Promise<void> {
  if (modes.includes('midway')) throw new Ending(1, 'RuntimeError: half of the configuration is written');
  if (modes.includes('hang') || modes.includes('hang-hard')) {
    complain('maestro_ctrl (stand-in): hangs');
    await never();
  }
}

/** A key that cannot be set is only told. */
async function take(url: string, step: Step, fails: boolean): Promise<void> {
  if ('unusable' in step) {
    say(`Error: "/" is not a supported character in key name ${step.unusable}`);
    throw new Ending(1);
  }
  try {
    if (fails) throw new Error('the stand-in was told to fail');
    await put(url, step.key, step.value);
  } catch (error) {
    say(`Error ${reason(error)} setting ${step.key} : ${step.value}`);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function never(): Promise<void> {
  setInterval(() => undefined, 1_800_000);
  return new Promise(() => undefined);
}

await play(() => main(process.argv.slice(2)));
