/** What ldms-cluster renders, as files. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Renderer, Rendering } from '../../src/cluster/render/rendering.ts';

/** A directory that is removed when its test has finished. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-rendered-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes what a way of deploying makes into a directory of its own, and returns that. */
export function writeRendered(renderer: Renderer, rendering: Rendering): string {
  const directory = temporary();
  for (const { path, text, executable } of renderer.render(rendering)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (executable) chmodSync(file, 0o755);
  }
  return directory;
}
