/** What docker has to be given for a container: written down once more, without any shell. */
import { type Container, envOf, type Mount } from '../../src/cluster/container.ts';
import { imageOf, type Site } from '../../src/cluster/site.ts';

/**
 * The words behind `docker`.
 *
 * @param files the directory that configuration files are in
 */
export function dockerWords(
  container: Container,
  site: Site,
  files: string,
  env: Readonly<Record<string, string>> = envOf(container),
): string[] {
  const from = (mount: Mount) => (mount.kind === 'config' ? `${files}/${mount.from}` : mount.from);
  return [
    ...['run', '-d', `--name=${container.name}`, '--restart=unless-stopped', '--network=host'],
    ...(container.hostPid ? ['--pid=host'] : []),
    ...(site.privileged
      ? ['--privileged']
      : [
          '--cap-drop=ALL',
          ...container.capabilities.map((name) => `--cap-add=${name}`),
          '--security-opt=no-new-privileges',
          '--read-only',
          ...(container.rdma ? ['--device=/dev/infiniband', '--ulimit', 'memlock=-1'] : []),
          ...container.scratch.flatMap((path) => ['--tmpfs', path]),
        ]),
    ...Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...container.mounts.flatMap((mount) => [
      '-v',
      `${from(mount)}:${mount.to}${mount.readOnly ? ':ro' : ''}`,
    ]),
    imageOf(container.role, site),
    ...container.args,
  ];
}
