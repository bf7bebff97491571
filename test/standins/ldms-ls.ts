/**
 * A stand-in for ldms_ls: lists the metric sets of a stand-in ldmsd, with the real one's options
 * and exit codes: 0 listed, 1 rejected or bad usage, 2 no connection. On stderr it says what it is.
 */
import { getopt } from './getopt.ts';
import { type Auth, ask, mungeSocket } from './peer.ts';
import { say } from './say.ts';

const short = 'h:p:x:w:m:a:A:S:f:ESIlvuVdP';

/** Asks the daemon that the options name; the status to exit with. */
async function main(words: readonly string[]): Promise<number> {
  const { options } = getopt(words, { short, long: [] });
  if (words.length === 0 || options.some(({ letter }) => letter === '?')) {
    say('ldms_ls (stand-in): usage: ldms_ls -h HOST -x XPRT -p PORT [-a AUTH] [-A NAME=VALUE]… [-l]');
    return 1;
  }
  const all = (wanted: string) => options.flatMap(({ letter, value }) => (letter === wanted ? [value] : []));
  const plugin = all('a').at(-1) ?? 'none';
  const auth: Auth | undefined =
    plugin === 'munge'
      ? { plugin, socket: mungeSocket(all('A')) }
      : /^(none|naive|ovis)$/.test(plugin)
        ? { plugin: 'none' }
        : undefined;
  if (!auth) {
    say('Error creating transport.');
    return 1;
  }
  process.stderr.write('ldms_ls (stand-in)\n');
  // The daemon listens on IPv4, and localhost may be ::1 first.
  const host = (all('h').at(-1) ?? 'localhost').replace(/^localhost$/, '127.0.0.1');
  const answer = await ask(host, Number(all('p').at(-1) ?? 411), auth);
  if ('sets' in answer) {
    for (const { name, values } of answer.sets) {
      say(name);
      if (all('l').length > 0) for (const value of values) say(`  ${value}`);
    }
    return 0;
  }
  if (answer.failed === 'connect') {
    process.stderr.write(`ldms_xprt_connect: ${answer.because}\n`);
    return 2;
  }
  say('Connection failed/rejected.');
  process.stderr.write(`${answer.because}\n`);
  return 1;
}

process.exit(await main(process.argv.slice(2)));
