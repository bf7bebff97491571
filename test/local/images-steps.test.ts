/** The order of the steps, and what is shown of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { imageNames } from '../../images/build/images.ts';
import { makeBuilder, waitFor, withDocker } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

describe('the order', () => {
  test('the others come behind common; grafana, which needs it not, beside it', async () => {
    const builder = makeBuilder();
    const begun = builder.path('site/grafana-begun');
    // common cannot end before grafana has begun: were it to wait, this would never end.
    builder.engine('docker', {
      build: `case $image in grafana) : >'${begun}' ;; common) ${waitFor(begun)} ;; esac`,
    });
    const { code, stdout } = await builder.run(['build', '--jobs=2']);
    expect(code, stdout).toBe(0);
    const kept = builder.kept();
    const at = (what: string, image: string) => kept.indexOf(`${what}\t${image}`);
    for (const image of imageNames.filter((name) => name !== 'grafana')) {
      expect(at('begun', image), image).toBeGreaterThan(at('ended', 'common'));
    }
    expect(at('begun', 'grafana')).toBeLessThan(at('ended', 'common'));
    expect(builder.ended().sort()).toEqual([...imageNames, 'common'].sort());
  });

  test('as many at a time as the user wants', async () => {
    const most = async (jobs: number, build?: string) => {
      const builder = withDocker(build ? { build } : {});
      const { code, stdout } = await builder.run(['build', 'samp', 'agg', 'maestro', `--jobs=${jobs}`]);
      expect(code, stdout).toBe(0);
      let [now, highest] = [0, 0];
      for (const line of builder.kept()) {
        if (line.startsWith('begun')) highest = Math.max(highest, ++now);
        if (line.startsWith('ended')) now--;
      }
      return highest;
    };
    expect(await most(1)).toBe(1);
    // samp and agg end only when both have begun.
    const meet = `: >"$context/../begun-$image"
case $image in samp | agg) for other in samp agg; do ${waitFor('$context/../begun-$other')}; done ;; esac`;
    expect(await most(2, meet)).toBe(2);
  });
});

describe('what is shown', () => {
  test('elsewhere than on a terminal: a line when a step begins, one when it ends; the rest is in logs', async () => {
    const builder = withDocker({ build: 'echo "Step 1/1 : FROM $image"; echo "and an error" >&2' });
    const { code, stdout, stderr } = await builder.run(['build', 'samp']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.slice(0, stdout.indexOf('\n\n')).split('\n');
    expect(lines[0]).toBe(`docker 20.10.24, ${hostArch()}, from debian:bookworm-slim`);
    expect(lines.slice(1).filter((line) => line.startsWith('❯'))).toEqual([
      '❯ ldms-entrypoint',
      '❯ what the Debian images have in common',
      '❯ ldms-samp',
    ]);
    expect(lines).toHaveLength(1 + 3 + 3);
    expect(stdout).toMatch(/✔ ldms-entrypoint: is up to date, \d+\.\d s\n/);
    expect(stdout).toMatch(/✔ what the Debian images have in common: 200 MB, \d+\.\d s\n/);
    expect(stdout).toMatch(/✔ ldms-samp: 202 MB, \d+\.\d s\n/);
    expect(stdout).not.toContain('Step 1/1');
    // No colours, no cursor movements.
    expect(stdout).not.toContain('\x1b');

    expect(readdirSync(join(builder.place, 'log')).sort()).toEqual([
      ...['common.log', 'entrypoint.log', 'samp.log'],
    ]);
    const log = readFileSync(join(builder.place, 'log/samp.log'), 'utf8').split('\n');
    expect(log[0]).toMatch(/^context: 0\.0 MB$/);
    expect(log[1]).toBe(`$ ${builder.asked('samp')?.join(' ')}`);
    expect(log.slice(2).sort()).toEqual(['', 'Step 1/1 : FROM samp', 'and an error']);
  });

  testNeeding(['script'], 'on a terminal: what a step does now', async () => {
    const builder = makeBuilder();
    const go = builder.path('site/go');
    builder.engine('docker', { build: `echo 'Unpacking a package'; ${waitFor(go)}` });
    const terminal = await builder.startOnTerminal(['build', 'samp']);
    await until('the line of the build is shown', () => terminal.stdout().includes('Unpacking a package'));
    expect(terminal.stdout()).not.toContain('ldms-samp: 202 MB');
    builder.write('site/go', '');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/ldms-samp: 202 MB, \d+\.\d s/);
  });

  testNeeding(['script'], 'on a terminal that has no width: plain lines', async () => {
    const builder = withDocker({ build: "echo 'Unpacking a package'" });
    const { code, stdout } = await (await builder.startOnTerminal(['build', 'samp'], 0)).ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/✔.* ldms-samp: 202 MB, \d+\.\d s\r\n/);
    expect(stdout).not.toContain('Unpacking a package');
  });

  test('warnings are told again at the end, each once, with the image', async () => {
    const builder = withDocker({
      build: `case $image in
samp) echo 'warning: sbin/ldmsd needs libmunge.so.2, which is not in the image'; echo 'no warning: this' ;;
agg) echo '#8 0.123 warning: libserdes.so is not in the image'; echo '#8 12.5 warning: libserdes.so is not in the image'; echo 'W: of apt' ;;
esac`,
    });
    const { code, stdout, stderr } = await builder.run(['build', 'samp', 'agg', '--jobs=1']);
    expect(code).toBe(0);
    expect(stderr).toBe(
      'warning: ldms-samp: sbin/ldmsd needs libmunge.so.2, which is not in the image\nwarning: ldms-agg: libserdes.so is not in the image\n',
    );
    const end = stdout.slice(stdout.lastIndexOf('✔'));
    expect(end.slice(end.indexOf('\n') + 1)).toMatch(/^\nIMAGE /);
    expect(stdout).not.toContain('warning');
  });
});
