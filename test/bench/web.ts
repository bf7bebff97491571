/** The web back-end with the real uwsgi: what its health costs, and how soon it is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/etcd.ts';
import { installed } from '../support/needs.ts';
import { program, repository, run, until } from '../support/program.ts';
import { makeWebPlace, type Place } from './place.ts';
import { inMs, largest, leftOut, median, now, type Part, table } from './table.ts';

const healthLimitMs = 100;
// uwsgi alone takes a second for each.
const plainRounds = 5;

/** A place whose uwsgi is the real one, serving the tests' stand-in for sosgui. */
function makeUi(): Place {
  const place = makeWebPlace({ LDMS_ENTRYPOINT_UI_SETTINGS_CHECK: '0' }, ['grafana-server']);
  mkdirSync(place.path('opt/ovis/ui/sosgui'), { recursive: true });
  for (const file of ['__init__.py', 'settings.py', 'wsgi.py']) {
    copyFileSync(join(repository, 'test/standins/sosgui', file), place.path(`opt/ovis/ui/sosgui/${file}`));
  }
  return place;
}

/** Starts a web back-end, and waits until it answers. */
async function bringUp(place: Place, file: string, args: readonly string[]): Promise<ChildProcess> {
  const port = await freePort();
  const child = spawn(file, [...args, `--http-socket=127.0.0.1:${port}`], {
    env: place.env,
    cwd: place.path('opt/ovis/ui'),
    stdio: 'ignore',
  });
  await until('the web back-end answers', () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return child;
}

async function stop(child: ChildProcess): Promise<number> {
  const ended = new Promise((resolve) => child.on('close', resolve));
  const begun = now();
  child.kill('SIGTERM');
  await ended;
  return now() - begun;
}

/** What a HEALTHCHECK of ui takes, and how long TERM takes to end an idle uwsgi. */
export async function webBackEnd(rounds: number): Promise<Part[]> {
  if (!installed('uwsgi')) return [leftOut('the web back-end', 'uwsgi')];
  const place = makeUi();
  const child = await bringUp(place, program, ['ui']);
  const asked: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = now();
    const { code, stdout } = await run(program, ['health'], { env: place.env });
    if (code !== 0) throw new Error(`health of ui: ${stdout}`);
    asked.push(now() - begun);
  }
  const ours = [await stop(child)];
  for (let round = 1; round < rounds; round++) ours.push(await stop(await bringUp(place, program, ['ui'])));
  const plain = ['--plugins=python3', '--module=sosgui.wsgi', '--master', '--die-on-term'];
  const theirs: number[] = [];
  for (let round = 0; round < plainRounds; round++) {
    theirs.push(await stop(await bringUp(place, 'uwsgi', plain)));
  }
  place.remove();
  const line = (what: string, taken: readonly number[]) => [
    what,
    inMs(median(taken)),
    inMs(largest(taken)),
    String(taken.length),
  ];
  const health = ['ui answers', `${healthLimitMs} ms`, inMs(median(asked)), String(asked.length)];
  return [
    {
      text: table(['health', 'limit', 'median', 'runs'], [health]),
      over: median(asked) > healthLimitMs ? ['health of ui'] : [],
    },
    {
      text: table(
        ['from SIGTERM until an idle uwsgi is gone', 'median', 'longest', 'runs'],
        [line('ldms-entrypoint ui', ours), line('uwsgi --master --die-on-term alone', theirs)],
      ),
      over: [],
    },
  ];
}
