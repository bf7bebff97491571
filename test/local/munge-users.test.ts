/** ACCEPTANCE F: other users than root, and root without all of its powers. */
import { chmodSync, mkdirSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { program, run } from '../support/program.ts';
import { asked, ldmsdThat, makeSite, message, type Site, usesMunge } from '../support/site.ts';

describe('without root', () => {
  const asNobody = (site: Site, args: readonly string[], env: NodeJS.ProcessEnv = site.env) =>
    run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', program, ...args], { env });

  testNeeding(
    ['munged', 'root'],
    'munged runs as the user that we are, with a key that this user owns',
    async () => {
      const site = makeSite();
      site.key({ uid: 65534, gid: 65534 });
      mkdirSync(site.path('run'));
      chmodSync(site.path('run'), 0o1777);
      site.install('ldmsd', usesMunge(site));
      const { stdout, stderr } = await asNobody(site, asked);
      expect(stdout, stderr).toBe('munge works\n');
    },
  );

  testNeeding(
    ['munged', 'root'],
    'a /run that cannot be written to: one line says what the container needs',
    async () => {
      const site = makeSite();
      site.key({ uid: 65534, gid: 65534 });
      mkdirSync(site.path('run'));
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stdout, stderr } = await asNobody(site, asked);
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(message(stderr)).toMatch(
        /cannot make the directory .*: permission denied; uid 65534 needs .*--tmpfs \/run:uid=65534$/,
      );
    },
  );

  testNeeding(
    ['munged', 'root'],
    'a key that we may not read: the line says whose it has to be',
    async () => {
      const site = makeSite();
      site.key({ uid: 4321, gid: 4321 });
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stderr } = await asNobody(site, asked);
      expect(code).toBe(80);
      expect(message(stderr)).toMatch(
        /belongs to uid 4321 .* cannot be copied: permission denied; on the host: chown 65534:65534/,
      );
    },
  );

  testNeeding(
    ['munged', 'root'],
    'root that may not change users is told which capabilities are missing',
    async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stderr } = await run('setpriv', ['--bounding-set=-setuid,-setgid', program, ...asked], {
        env: site.env,
      });
      expect(code).toBe(80);
      expect(message(stderr)).toContain('--cap-add=SETUID --cap-add=SETGID');
    },
  );
});
