/** A real munged that plays the host's. */
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { onTestFinished } from 'vitest';
import { mungeUser } from './machine.ts';
import { run, type Started, start, until } from './program.ts';
import type { Site } from './site.ts';

/**
 * Starts munged behind a site's socket, with the site's key or a new one.
 *
 * @returns it, once it encodes and decodes
 */
export async function startMunged(site: Site, socket = site.socket): Promise<Started> {
  if (!existsSync(site.keyPath)) site.key();
  const { uid, gid } = mungeUser();
  mkdirSync(dirname(socket), { recursive: true });
  if (process.getuid?.() === 0) chownSync(dirname(socket), uid, gid);
  const args = [
    '--foreground',
    `--socket=${socket}`,
    `--key-file=${site.keyPath}`,
    `--pid-file=${dirname(socket)}/munged.pid`,
    `--seed-file=${dirname(socket)}/munged.seed`,
    '--origin=127.0.0.1',
  ];
  const as = process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : [];
  const munged = start('setpriv', [...as, '--', 'munged', ...args], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  onTestFinished(() => {
    munged.kill('SIGKILL');
  });
  await until("the host's munged is up", async () => {
    return existsSync(socket) && (await run('munge', ['-n', `--socket=${socket}`])).code === 0;
  });
  return munged;
}
