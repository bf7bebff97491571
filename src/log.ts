/**
 * Our log: pino's JSON lines, or readable ones on a terminal, always on file descriptor 2, since
 * standard output belongs to the daemon.
 *
 * Lines are written synchronously by descriptor, since `process.stderr` must not be opened (see
 * process/streams.ts).
 */
import { writeSync } from 'node:fs';
import { errnoOf } from './problem.ts';
import type { Settings } from './settings.ts';

/** The levels a line can have, least important first. */
export type Level = Settings['logLevel'];

/** Fields of a line beside level, time and msg. Never put a secret here. */
export type Fields = Readonly<Record<string, unknown>>;

/** Writes one line; resolves when it has been handed to the kernel. Never throws. */
export type Log = (level: Level, message: string, fields?: Fields) => Promise<void>;

const importance: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/**
 * Makes the log of one run.
 *
 * pino is loaded when the first line that counts is written, so that a start with nothing to say
 * does not pay for it.
 *
 * @param settings which lines count, and how they look
 * @param base fields that every line carries
 * @param write where lines go
 */
export function openLog(
  settings: Pick<Settings, 'logLevel' | 'logFormat'>,
  base: Fields,
  write: (line: string) => void = writeLine,
): Log {
  return async (level, message, fields = {}) => {
    if (importance.indexOf(level) < importance.indexOf(settings.logLevel)) return;
    const { default: pino } = await import('pino');
    const logger = pino(
      {
        level: 'debug',
        base,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line: string) => write(forPeople(settings.logFormat) ? readable(line) : line) },
    );
    logger[level](fields, message);
  };
}

/** Whether lines are to be readable rather than JSON. */
function forPeople(format: Settings['logFormat']): boolean {
  if (format !== 'auto') return format === 'text';
  return process.getBuiltinModule('node:tty').isatty(2);
}

/** One of pino's JSON lines as a person reads it: time, level when it matters, program and mode, message. */
function readable(line: string): string {
  const { level, time, program, mode, msg } = JSON.parse(line) as Record<string, string>;
  const who = [program, mode].filter(Boolean).join(' ');
  return `${time?.slice(11, 23)} ${who}: ${level === 'info' ? '' : `${level}: `}${msg}\n`;
}

/**
 * Writes to descriptor 2 whole, waiting for a slow reader.
 *
 * A reader that has gone (EPIPE), or a descriptor that was closed (EBADF), must not stop a
 * container from starting: the line is lost, silently, as it is for any daemon.
 */
export function writeLine(line: string): void {
  let rest = Buffer.from(line);
  const patience = Date.now() + 1000;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(2, rest));
    } catch (error) {
      // Somebody else made the shared description non-blocking, and the pipe is full.
      if (errnoOf(error) !== 'EAGAIN' || Date.now() > patience) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
