/**
 * Signs of life of the stand-in for maestro, by which a test sees whether two of them ever ran at once:
 * where STANDIN_BEATS names a file, lines `NAME PID MS` are appended to it every 10 ms for as long as the
 * process runs. NAME is STANDIN_BEATS_NAME, or the host's name; MS is CLOCK_MONOTONIC in milliseconds, which
 * all processes of a machine share. `begins` stands behind the first, which tells when the process began, and
 * `ready` behind the one that is written when it has told its configuration.
 */
import { openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';

const everyMs = 10;

/** Begins to beat, with the moment in which the process began first; what is to be called when it is ready. */
export function beat(): () => void {
  const path = process.env['STANDIN_BEATS'];
  if (!path) return () => undefined;
  // O_APPEND: no line gets into another's way, whoever else writes to the file.
  const file = openSync(path, 'a');
  const name = process.env['STANDIN_BEATS_NAME'] || hostname();
  const write = (at: number, words = '') =>
    void writeSync(file, `${name} ${process.pid} ${at.toFixed(1)}${words}\n`);
  const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;
  write(now() - process.uptime() * 1000, ' begins');
  // It is no reason to stay.
  setInterval(() => write(now()), everyMs).unref();
  return () => write(now(), ' ready');
}
