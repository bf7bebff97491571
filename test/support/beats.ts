/** What the beats of stand-ins for maestro tell; see test/standins/maestro-beats.ts. */
import { readFileSync } from 'node:fs';

/** A sign of life. */
export interface Beat {
  readonly name: string;
  readonly pid: number;
  /** CLOCK_MONOTONIC in milliseconds. */
  readonly at: number;
  /** `begins` with the first of a process, and `ready` when it has told its configuration. */
  readonly word?: 'begins' | 'ready';
}

/** A process, from its first beat to its last. */
export interface Life {
  readonly name: string;
  readonly pid: number;
  readonly from: number;
  /** Its last beat so far: it has ended within about 10 ms after that. */
  readonly to: number;
  /** When it had told its configuration, if it has. */
  readonly readyAt?: number;
  /** The longest time between two of its beats since it was under way, in milliseconds. */
  readonly longestPauseMs: number;
}

/** The whole lines of a file of beats; none if nobody has written one yet. */
export function readBeats(path: string): Beat[] {
  return parseBeats(contentOf(path));
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Reads beats; one that is only half written is left out, and what is none is an error. */
export function parseBeats(text: string): Beat[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [, name = '', pid, at, word] = /^(\S+) (\d+) (\d+\.\d)(?: (begins|ready))?$/.exec(line) ?? [];
      if (name === '') throw new Error(`this is no beat: ${line}`);
      const beat = { name, pid: Number(pid), at: Number(at) };
      return word === 'begins' || word === 'ready' ? { ...beat, word } : beat;
    });
}

/** The processes that have beaten, in the order in which they began. */
export function livesOf(beats: readonly Beat[]): Life[] {
  // A container that is started again gives out the same pids again.
  const begun = new Map<string, number>();
  const byProcess = Map.groupBy(beats, ({ name, pid, word }) => {
    const process = `${name} ${pid}`;
    if (word === 'begins') begun.set(process, (begun.get(process) ?? 0) + 1);
    return `${process} ${begun.get(process) ?? 0}`;
  });
  return [...byProcess.values()].map(lifeOf).sort((one, other) => one.from - other.from);
}

function lifeOf(beats: readonly Beat[]): Life {
  const times = beats.map(({ at }) => at).sort((one, other) => one - other);
  // Before the second it is loaded.
  const later = times.slice(1);
  const [{ name, pid } = { name: '', pid: 0 }] = beats;
  const readyAt = beats.find(({ word }) => word === 'ready')?.at;
  return {
    name,
    pid,
    from: times[0] ?? 0,
    to: times.at(-1) ?? 0,
    longestPauseMs: Math.max(0, ...later.slice(1).map((at, before) => at - (later[before] ?? at))),
    ...(readyAt !== undefined && { readyAt }),
  };
}

/** The pairs that ran at once, in words; none if there was one at a time. Exact to about 10 ms. */
export function atOnce(beats: readonly Beat[]): string[] {
  const lives = livesOf(beats);
  return lives.flatMap((life, index) =>
    lives
      .slice(0, index)
      .filter(({ to }) => to >= life.from)
      .map((before) => {
        const ms = Math.min(before.to, life.to) - life.from;
        return `${before.name} (${before.pid}) and ${life.name} (${life.pid}) for ${ms.toFixed(1)} ms`;
      }),
  );
}
