/** What a step of the builder works with, for a test that looks at what it does with that. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Tools } from '../../images/build/steps.ts';

export interface WatchedTools extends Tools {
  /** The lines that were kept, those of programs among them. */
  readonly said: readonly string[];
  /** The programs that were run, with their words. */
  readonly ran: readonly (readonly string[])[];
}

/** How a program is played, in place of being run: what it prints, and its exit code. */
export type Play = (words: readonly string[]) => {
  readonly lines?: readonly string[];
  readonly code?: number;
};

/**
 * Tools that run programs as a step's own do, with their environment on top of ours.
 *
 * @param play if given, nothing is run
 */
export function watchedTools(play?: Play, signal = new AbortController().signal): WatchedTools {
  const said: string[] = [];
  const ran: string[][] = [];
  const command: Tools['command'] = async (words, env, hear) => {
    ran.push([...words]);
    const listen = (line: string) => {
      said.push(line);
      hear?.(line);
    };
    let code: number | null | undefined = 0;
    if (play) {
      const { lines = [], code: end = 0 } = play(words);
      lines.forEach(listen);
      code = end;
    } else {
      const [program = '', ...args] = words;
      const child = spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        signal,
      });
      for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', listen);
      code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
    }
    if (code !== 0) throw new Error(`${words[0]} ${words[1]} failed (exit code ${code})`);
  };
  return { signal, said, ran, say: (line) => void said.push(line), command };
}
