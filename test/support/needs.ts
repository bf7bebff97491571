/**
 * Tests that need more than Node: a daemon of Debian's, or root. They are left out where that is
 * missing, and say so; with LDMS_TEST_REQUIRE_ALL=1, as in CI, being left out is a failure.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { composeV2, newPodmanCompose, quadlet } from './tools.ts';

const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Whether a program is installed. */
export function installed(program: string): boolean {
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const has: Record<string, () => boolean> = {
  root: () => process.getuid?.() === 0,
  munged: () => ['munged', 'munge', 'unmunge', 'setpriv'].every(installed),
  munge: () => ['munge', 'unmunge', 'setpriv'].every(installed),
  // Mount and PID namespaces of one's own, which take root or user namespaces.
  namespaces: () =>
    installed('unshare') &&
    spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'true']).status === 0,
  // Of one's own, joined by a bridge.
  'net namespaces': () =>
    installed('unshare') &&
    installed('nsenter') &&
    installed('ip') &&
    spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'bridge0', 'type', 'bridge']).status === 0,
  'user namespaces': () => spawnSync('unshare', ['--user', '--map-root-user', 'true']).status === 0,
  // Debian's client builds with it; later clients need a plugin, which is not in Debian.
  BuildKit: () => installed('docker') && existsSync('/usr/bin/docker'),
  // Of test/support/tools-from-debian-13.sh, where Debian itself is older.
  Quadlet: () => quadlet !== undefined,
  'Compose v2': () => composeV2 !== undefined,
  'podman-compose 1.3': () => newPodmanCompose !== undefined,
  'docker engine': () => spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0,
  ptrace: () => installed('strace') && spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0,
};

const missing = (need: string): boolean => !(has[need] ?? (() => installed(need)))();

/**
 * `test`, for tests that need something.
 *
 * @param needs programs by name, or `root`, `namespaces`, `ptrace`
 */
export function testNeeding(
  needs: readonly string[],
  title: string,
  body: () => Promise<void> | void,
  timeout?: number,
): void {
  const lacking = needs.filter(missing);
  if (lacking.length === 0) {
    test(title, body, timeout);
  } else if (process.env['LDMS_TEST_REQUIRE_ALL'] === '1') {
    test(title, () => {
      throw new Error(
        `this test needs ${lacking.join(' and ')}, and LDMS_TEST_REQUIRE_ALL=1 asks for all tests`,
      );
    });
  } else {
    test.skip(`${title} [needs ${lacking.join(', ')}]`, body);
  }
}
