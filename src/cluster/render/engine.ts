/** `docker run …`, for whoever types it: docker's options for a container. */
import { type Container, envOf, type Mount } from '../container.ts';
import { imageOf, type Site } from '../site.ts';
import { quoted } from './shell.ts';

/** Where a mount comes from on the host, as a word for the shell. */
export type Placed = (mount: Mount) => string;

/**
 * The parts of a `docker run` line: one for the command, one for each option, one for the image with its
 * arguments. Each is quoted for a shell.
 *
 * @param placed where configuration files are; a word for the shell, so that it may have variables
 * @param env the variables, if not the container's own
 */
export function dockerRun(
  container: Container,
  site: Site,
  placed: Placed,
  env: Readonly<Record<string, string>> = envOf(container),
): readonly string[] {
  const { name, role, args, hostPid, mounts, scratch } = container;
  return [
    'docker run -d',
    `--name=${quoted(name)}`,
    '--restart=unless-stopped',
    '--network=host',
    ...(hostPid ? ['--pid=host'] : []),
    ...(site.privileged ? ['--privileged'] : least(container)),
    ...(site.privileged ? [] : scratch.map((path) => `--tmpfs ${path}`)),
    ...Object.entries(env).map(([key, value]) => `-e ${quoted(`${key}=${value}`)}`),
    ...mounts.map((mount) => `-v ${placed(mount)}:${quoted(mount.to)}${mount.readOnly ? ':ro' : ''}`),
    [imageOf(role, site), ...args].map(quoted).join(' '),
  ];
}

function least({ capabilities, rdma }: Container): string[] {
  return [
    '--cap-drop=ALL',
    ...capabilities.map((name) => `--cap-add=${name}`),
    '--security-opt=no-new-privileges',
    '--read-only',
    ...(rdma ? ['--device=/dev/infiniband', '--ulimit memlock=-1'] : []),
  ];
}
