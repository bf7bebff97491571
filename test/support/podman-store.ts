/** podman with a store of its own, so that tests do not see each other's images. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from './program.ts';

/**
 * Makes one, with images out of docker's, if any; it is removed when its test has finished.
 *
 * @returns the environment in which podman uses it
 */
export async function podmanStore(images: readonly string[] = []): Promise<NodeJS.ProcessEnv> {
  const store = mkdtempSync(join(tmpdir(), 'ldms-podman-'));
  const file = join(store, 'storage.conf');
  writeFileSync(
    file,
    `[storage]\ndriver = "overlay"\ngraphroot = "${store}/root"\nrunroot = "${store}/run"\n`,
  );
  const env = { ...process.env, CONTAINERS_STORAGE_CONF: file };
  onTestFinished(async () => {
    await run('podman', ['rm', '--all', '--force', '--time=0'], { env });
    await run('podman', ['rmi', '--all', '--force'], { env });
    // podman mounts it, and leaves that.
    await run('umount', [`${store}/root/overlay`]);
    rmSync(store, { recursive: true, force: true });
  });
  if (images.length === 0) return env;
  const copy = 'docker save "$@" | podman load -q';
  const { code, stderr } = await run('bash', ['-o', 'pipefail', '-c', copy, 'bash', ...images], { env });
  if (code !== 0) throw new Error(`docker save ${images.join(' ')} | podman load: ${stderr}`);
  return env;
}
