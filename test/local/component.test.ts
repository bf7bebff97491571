/** LDMS_ENTRYPOINT_COMPONENT_ID on the built program, in UTS namespaces: each with a host name of its own. */
import { describe, expect } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { program, run } from '../support/program.ts';
import { ldmsdThat, makeSite, message, type Site } from '../support/site.ts';

const needs = ['root', 'unshare', 'hostname'];
const args = ['samp', '-x', 'sock:411'];

/** Runs the program on a node of this name. */
const runOn = ({ env }: Site, node: string, words: readonly string[], more: NodeJS.ProcessEnv = {}) =>
  run('unshare', ['--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', node, program, ...words], {
    env: { ...env, ...more },
  });

/** A site whose ldmsd prints what it is given. */
function makeProbe(settings: NodeJS.ProcessEnv): Site {
  const site = makeSite(settings);
  site.install('ldmsd', ldmsdThat('env | LC_ALL=C sort'));
  return site;
}

describe('LDMS_ENTRYPOINT_COMPONENT_ID', () => {
  testNeeding(needs, 'ldmsd is given each variable that is not set, and nothing else changes', async () => {
    const site = makeProbe({ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPONENT_ID,COMPID', ODD: ' a=b\nc ' });
    // Negative control: without the setting, there is no such variable.
    const without = await runOn(site, 'nid00100.example.org', args, { LDMS_ENTRYPOINT_COMPONENT_ID: '' });
    expect(without.stdout).not.toContain('COMPID=');
    const given = await runOn(site, 'nid00100.example.org', args);
    expect(given.stdout, given.stderr).toMatch(/^COMPID=100$/m);
    const rest = (text: string) =>
      text.replace(/^COMP(ID|ONENT_ID)=.*\n/gm, '').replace(/^LDMS_.*_ID=.*/m, '');
    expect(rest(given.stdout)).toBe(rest(without.stdout));
    const kept = await runOn(site, 'nid00100', args, { COMPONENT_ID: '5' });
    expect(kept.stdout).toMatch(/^COMPID=100\nCOMPONENT_ID=5$/m);
    const all = await runOn(site, 'login', args, { COMPONENT_ID: '5', COMPID: '007' });
    expect(all.stdout, all.stderr).toMatch(/^COMPID=007\nCOMPONENT_ID=5$/m);
  });

  testNeeding(needs, 'so is an ldmsd that is supervised', async () => {
    const site = makeProbe({ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPID', LDMS_ENTRYPOINT_SUPERVISE: '1' });
    const { stdout, stderr } = await runOn(site, 'node7-ib', args);
    expect(stdout, stderr).toMatch(/^COMPID=7$/m);
  });

  testNeeding(needs, 'a host name without a number is refused, by check as well', async () => {
    const site = makeProbe({ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPID' });
    const why =
      'cannot give ldmsd COMPID: the host name login holds no component number; set it yourself: -e COMPID=NUMBER';
    const { code, stdout, stderr } = await runOn(site, 'login', args);
    expect({ code, stdout, told: message(stderr) }).toEqual({ code: 78, stdout: '', told: why });
    const checked = await runOn(site, 'login', ['check', ...args]);
    expect(checked.code).toBe(78);
    expect(checked.stdout).toContain(`FAIL  component number: ${why}\n`);
    // What is no daemon needs none.
    expect(await runOn(site, 'login', ['samp', 'sh', '-c', 'echo "<$COMPID>"'])).toMatchObject({
      code: 0,
      stdout: '<>\n',
    });
    expect((await runOn(site, 'login', ['samp', '-V'])).stdout).toBe('LDMSD Version: 4.4.4\n');
  });

  testNeeding(needs, 'explain and check show the number and where it comes from', async () => {
    const site = makeProbe({ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPID' });
    const told = await runOn(site, 'cygnus-01.example.org', ['explain', ...args]);
    expect(told.stdout).toContain('check component number: 1, from the host name cygnus-01.example.org\n');
    expect(told.stdout).toContain('become COMPID=1 ldmsd -F -x sock:411\n');
    const checked = await runOn(site, 'cygnus-01.example.org', ['check', ...args]);
    expect(checked.stdout).toContain('ok    component number: 1, from the host name cygnus-01.example.org\n');
    expect(checked.code).toBe(0);
  });
});
