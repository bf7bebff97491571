/** What the commands say, by file descriptor: Node's own streams would change the descriptors for others. */
import { writeSync } from 'node:fs';
import { errnoOf } from './problem.ts';

const pauseMs = 5;

/** Writes a text whole; a reader that has gone away is no reason to crash. */
export function say(descriptor: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // `ldms-entrypoint --help | head -1` closes the pipe early.
      if (errnoOf(error) !== 'EAGAIN') return;
      // Somebody else made the pipe non-blocking, and it is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  }
}
