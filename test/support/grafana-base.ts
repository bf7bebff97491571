/** The image that the tests build ldms-grafana from, where grafana's own cannot be pulled. */
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { repository } from './program.ts';

/**
 * Builds the stand-in for grafana/grafana-oss:9.1.0-ubuntu with docker.
 *
 * @param of the Debian base, and the name of what is built
 */
export async function buildGrafanaBase(of: { baseImage: string; tag: string }): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'ldms-grafana-base-'));
  const put = (from: string, to: string) =>
    cpSync(join(repository, from), join(context, to), { recursive: true, preserveTimestamps: true });
  try {
    for (const name of ['Dockerfile', 'run.sh']) put(`test/standins/grafana-base/${name}`, name);
    mkdirSync(join(context, 'standins'));
    for (const file of globSync('test/standins/*.ts', { cwd: repository }))
      put(file, `standins/${basename(file)}`);
    put('test/standins/bin', 'standins/bin');
    put('node_modules/yaml', 'node_modules/yaml');
    cpSync(process.execPath, join(context, 'node'), { preserveTimestamps: true });
    const args = [`--build-arg=BASE_IMAGE=${of.baseImage}`, `--tag=${of.tag}`];
    await execa('docker', ['build', '--network=host', '--force-rm', ...args, context], { all: true });
  } finally {
    rmSync(context, { recursive: true });
  }
}
