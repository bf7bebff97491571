/** Where a stand-in's words go: standard output, or the file that `-l` names. */
import { openSync, writeSync } from 'node:fs';

let descriptor = 1;

/** Writes one line at once; a reader that has gone is no reason to end. */
export function say(line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
  } catch {
    // Nobody reads.
  }
}

/** Sends everything to a file from now on; false if it cannot be opened. */
export function sayInto(file: string, truncate: boolean): boolean {
  try {
    descriptor = openSync(file, truncate ? 'w' : 'a', 0o640);
    return true;
  } catch {
    return false;
  }
}
