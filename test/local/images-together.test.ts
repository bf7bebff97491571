/** Several builds at the same time in one checkout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeBuilder, waitFor } from '../support/images.ts';
import { until } from '../support/program.ts';

test('one that ends, and one that is interrupted, leave a third what it builds from', async () => {
  const builder = makeBuilder();
  const site = builder.path('site');
  const look = (when: string) =>
    `(cd "$context" && find . -type f -exec cksum {} +) | sort >'${site}'/${when}-$tag`;
  // They are in samp all at once; then first ends, then second is interrupted, then third goes on.
  builder.engine('docker', {
    build: `case "$*" in *:first*) tag=first ;; *:second*) tag=second ;; *) tag=third ;; esac
if [ $image = samp ]; then
  ${look('before')}
  : >'${site}'/in-$tag
  for other in first second third; do ${waitFor(`${site}/in-$other`)}; done
  [ $tag = first ] || { ${waitFor(`${site}/others-are-over`)}; }
  ${look('after')}
fi`,
  });
  const start = (tag: string) => builder.start(['build', 'samp', 'agg', '--jobs=1', `--tag=${tag}`]);
  const [first, second, third] = [start('first'), start('second'), start('third')];

  const ended = await first.ended;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  await until('the second is in samp', () => existsSync(join(site, 'in-second')));
  second.kill('SIGTERM');
  expect((await second.ended).code).toBe(143);
  builder.write('site/others-are-over', '');
  expect(await third.ended).toMatchObject({ code: 0, stderr: '' });

  const whole = readFileSync(join(site, 'before-third'), 'utf8');
  expect(whole).toMatch(/ \.\/Dockerfile\n/);
  expect(whole).toMatch(/ \.\/ovis\/opt\/ovis\/sbin\/ldmsd\n/);
  expect(readFileSync(join(site, 'after-third'), 'utf8')).toBe(whole);
  expect(readFileSync(join(site, 'after-first'), 'utf8')).toBe(whole);
  expect(builder.ended().filter((image) => image === 'agg')).toHaveLength(2);
  expect(readdirSync(builder.place)).toEqual(['log']);
});
