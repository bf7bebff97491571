/**
 * A program that tells which signals it gets: `ready` once it listens, and then `got SIGHUP` and so on.
 *
 * usage: node probe.ts [ends-on SIGNAL CODE]... [leaves SIGNAL]...
 *
 * It listens for every signal of 1 to 31 that can be caught, but for SIGCHLD, and stays until a
 * signal that it `ends-on`. One that it `leaves` has its default action.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';

const ends = new Map<string, number>();
const left = new Set<string>();
const words = process.argv.slice(2);
while (words.length > 0) {
  const [verb, signal = ''] = words.splice(0, 2);
  if (verb === 'ends-on') ends.set(signal, Number(words.shift()));
  else if (verb === 'leaves') left.add(signal);
  else throw new Error(`${verb} is not what this probe can do`);
}

for (const [signal, number] of Object.entries(constants.signals)) {
  // These two are other names of SIGABRT and SIGIO; the next cannot be caught, and the last is told of children.
  const isLeft = ['SIGIOT', 'SIGPOLL', 'SIGKILL', 'SIGSTOP', 'SIGCHLD'].includes(signal) || left.has(signal);
  if (number > 31 || isLeft) continue;
  process.on(signal as NodeJS.Signals, () => {
    writeSync(1, `got ${signal}\n`);
    const code = ends.get(signal);
    if (code !== undefined) process.exit(code);
  });
}

// Long enough to stay.
setInterval(() => undefined, 1 << 30);
writeSync(1, 'ready\n');
