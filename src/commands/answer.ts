/** Answers a plan's questions by running a program once, and remembers the answer. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Host } from '../host.ts';
import { ourRecord, versionRecord } from '../ldmsd/version.ts';
import type { Log } from '../log.ts';
import type { Question } from '../plan.ts';
import { errnoWords } from '../problem.ts';
import { runBriefly } from '../process/child.ts';
import type { StopRequest } from '../process/stop.ts';

// ldmsd -V prints and ends; longer than this only on a file system that hangs.
const limitMs = 5000;

/**
 * Runs the question's program.
 *
 * @returns what it printed; empty if that was nothing, or if it cannot be run or does not end
 */
export async function answer(
  { command }: Question,
  { log, stop, host }: { log: Log; stop: StopRequest; host: Host },
): Promise<string> {
  const program = host.program(command.program);
  if (!('path' in program)) return '';
  const { stdout } = await runBriefly(program.path, command.args, { limitMs, stop: stop.signal });
  if (stdout) await remember(versionRecord(host, program.path, stdout), host, log);
  return stdout;
}

async function remember(record: string, host: Host, log: Log): Promise<void> {
  const path = host.path(ourRecord);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, record);
  } catch (error) {
    await log(
      'debug',
      `cannot keep ldmsd's version in ${path} (${errnoWords(error)}): it is asked at each start`,
    );
  }
}
