/**
 * What supervised daemons say, passed on to our own stdout and stderr: line by line, each line whole
 * and marked with the daemon's name.
 *
 * Daemons' pipes are always drained, whatever becomes of our own output, since a daemon whose pipe
 * is closed dies of SIGPIPE (etcd 3.4 does, tried) and one whose pipe is full stands still.
 */
import * as fs from 'node:fs';
import type { Readable } from 'node:stream';
import { errnoOf } from '../problem.ts';

/** Our standard output or standard error. */
export type Descriptor = 1 | 2;

/** Our own output. */
export interface Output {
  /** Writes bytes whole, after all that was written before. Never throws, and never waits. */
  write(to: Descriptor, bytes: Buffer | string): void;
  /**
   * Passes a daemon's stream on until it ends.
   *
   * @param hear is told each line as well
   */
  follow(stream: Readable, to: Descriptor, mark: string, hear?: (line: string) => void): Followed;
  /**
   * Waits until all has been written.
   *
   * @param limitMs how long the reader may take nothing
   * @returns false if it took nothing for that long
   */
  flush(limitMs: number): Promise<boolean>;
}

/** A daemon's stream that is being passed on. */
export interface Followed {
  /** The last lines, without the mark, the latest last; of a Go program's panic, the line that tells why. */
  lastLines(): readonly string[];
  /** Resolves when the stream has ended and all of it was passed on. */
  readonly ended: Promise<void>;
}

// A pipe holds 64 kB; with more than this waiting for our reader, daemons have to wait as well.
const fullBytes = 1 << 20;
// No daemon writes longer lines; one that never ends its line must not take all memory.
const longestLine = 16 << 20;
const linesKept = 3;
// What follows in a Go program's last words are the stacks of all its goroutines.
const panics = /^(panic|fatal error): /;
const keptBytes = 500;
// Somebody else may have made our descriptor non-blocking.
const retryMs = 5;

/** Opens our output for use by several daemons. */
export function openOutput(): Output {
  const out = writer(1);
  const writers = { 1: out, 2: isSame() ? out : writer(2) };
  return {
    write: (to, bytes) => writers[to].write(Buffer.from(bytes)),
    follow: (stream, to, mark, hear) => follow(stream, writers[to], `[${mark}] `, hear),
    flush: async (limitMs) => {
      const left = () => out.left() + writers[2].left();
      let timer: NodeJS.Timeout | undefined;
      const stuck = new Promise<boolean>((resolve) => {
        const look = (before: number) => {
          const now = left();
          if (now > 0 && now === before) resolve(false);
          else timer = setTimeout(look, limitMs, now);
        };
        timer = setTimeout(look, limitMs, left());
      });
      const done = Promise.all([out.empty(), writers[2].empty()]).then(() => true);
      const isDone = await Promise.race([done, stuck]);
      clearTimeout(timer);
      return isDone;
    },
  };
}

/** Whether stdout and stderr lead to the same place, as after `2>&1` and on a terminal: then lines must not mix. */
function isSame(): boolean {
  try {
    const [out, err] = [fs.fstatSync(1), fs.fstatSync(2)];
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return false;
  }
}

interface Writer {
  write(bytes: Buffer): void;
  isFull(): boolean;
  /** Bytes that wait to be written. */
  left(): number;
  /** Resolves when nothing waits to be written. */
  empty(): Promise<void>;
}

/**
 * Writes one thing after the other, in libuv's threads, so that a reader that stands still stops
 * neither signals nor the stop itself.
 */
function writer(descriptor: Descriptor): Writer {
  const queue: Buffer[] = [];
  let waiting = 0;
  let busy = false;
  let gone = false;
  let onEmpty: (() => void)[] = [];
  const done = () => {
    busy = false;
    waiting = 0;
    for (const resolve of onEmpty) resolve();
    onEmpty = [];
  };
  const next = () => {
    if (queue.length === 0) return done();
    busy = true;
    // All that waits in one go: a write for each line would be slower than daemons are.
    put(Buffer.concat(queue.splice(0)));
  };
  const put = (bytes: Buffer) => {
    fs.write(descriptor, bytes, (error, written) => {
      if (error && errnoOf(error) === 'EAGAIN') return void setTimeout(put, retryMs, bytes);
      if (error) {
        // Nobody reads any more, or the descriptor is closed: what follows is dropped, as it is for any daemon.
        // A full disk may have room again.
        gone = errnoOf(error) !== 'ENOSPC';
        queue.length = 0;
        return done();
      }
      waiting -= written;
      if (written < bytes.length) put(bytes.subarray(written));
      else next();
    });
  };
  return {
    write: (bytes) => {
      if (gone) return;
      waiting += bytes.length;
      queue.push(bytes);
      if (!busy) next();
    },
    isFull: () => waiting > fullBytes,
    left: () => waiting,
    empty: () => (busy ? new Promise((resolve) => onEmpty.push(resolve)) : Promise.resolve()),
  };
}

function follow(
  stream: Readable,
  to: Writer,
  mark: string,
  hear: ((line: string) => void) | undefined,
): Followed {
  const begun: Buffer[] = [];
  let begunBytes = 0;
  const last: string[] = [];
  let panic: string | undefined;
  const pass = (line: Buffer) => {
    const text = line.toString('utf8', 0, keptBytes);
    last.push(text);
    if (last.length > linesKept) last.shift();
    if (panics.test(text)) panic = text;
    hear?.(text);
    to.write(Buffer.concat([Buffer.from(mark), line, Buffer.from('\n')]));
  };
  const endLine = (rest: Buffer) => {
    begun.push(rest);
    pass(begun.length === 1 ? rest : Buffer.concat(begun));
    begun.length = 0;
    begunBytes = 0;
  };
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      endLine(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) {
      begun.push(chunk.subarray(from));
      begunBytes += chunk.length - from;
    }
    if (begunBytes > longestLine) endLine(Buffer.alloc(0));
    if (to.isFull()) {
      stream.pause();
      void to.empty().then(() => stream.resume());
    }
  });
  // A pipe that breaks ends; there is nothing else to do about it.
  stream.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    stream.on('close', () => {
      if (begunBytes > 0) endLine(Buffer.alloc(0));
      resolve();
    });
  });
  return { lastLines: () => (panic === undefined ? last : [panic]), ended };
}
