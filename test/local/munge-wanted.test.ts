/** ACCEPTANCE F: which arguments, files and settings ask for munge. */
import { describe, expect, test } from 'vitest';
import { makeSite } from '../support/site.ts';

describe('whether munge is wanted', () => {
  const cases: [string, string[], string, boolean][] = [
    ['-a munge', ['-a', 'munge'], '', true],
    ['-amunge', ['-amunge'], '', true],
    ['-Famunge', ['-Famunge'], '', true],
    ['--default_auth=munge', ['--default_auth=munge'], '', true],
    ['--default_auth munge', ['--default_auth', 'munge'], '', true],
    ['an auth line in a -c file', ['-c', 'CONF'], 'default_auth plugin=munge', true],
    ['an auth_add in a -c file', ['-c', 'CONF'], 'auth_add name=m plugin=munge', true],
    ['a joined line in a -c file', ['-cCONF'], 'auth_add name=m \\\n  plugin=munge', true],
    ['an auth mapping in a -y file', ['-y', 'CONF'], 'daemons:\n  - auth: {name: m, plugin: munge}', true],
    ['-n munge, a name', ['-n', 'munge'], '', false],
    ['-kmunge, which is -k -m unge', ['-kmunge'], '', false],
    ['an operand', ['munge'], '', false],
    ['after --', ['--', '-a', 'munge'], '', false],
    ['-a none', ['-a', 'none'], '', false],
    ['a comment in a -c file', ['-c', 'CONF'], '# default_auth plugin=munge', false],
    ['another word in a -c file', ['-c', 'CONF'], 'prdcr_add name=munge host=munge', false],
    ['another key in a -y file', ['-y', 'CONF'], 'munge: munge\nname: {plugin: munge}', false],
  ];
  test.each(cases)('%s', async (_, args, text, wanted) => {
    const site = makeSite();
    const conf = site.write('samp.conf', `${text}\n`);
    const words = args.map((arg) => arg.replace('CONF', conf));
    const { stdout } = await site.run(['explain', 'samp', '-x', 'sock:1', ...words]);
    expect(/munge key/.test(stdout), stdout).toBe(wanted);
  });

  test.each([
    ['off', true, false],
    ['container', false, true],
    ['auto', false, false],
    ['auto', true, true],
  ])('LDMS_ENTRYPOINT_MUNGE=%s, asked for: %s', async (setting, ask, wanted) => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNGE: setting as string });
    const { stdout } = await site.run(['explain', 'samp', '-x', 'sock:1', ...(ask ? ['-a', 'munge'] : [])]);
    expect(/munge key/.test(stdout), stdout).toBe(wanted);
  });
});
