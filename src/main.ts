/** argv → command. */
import { modeNamed } from './entrypoints/index.ts';

async function main([word, ...args]: string[]): Promise<number> {
  if (isCalled('ldms-cluster')) return (await import('./cluster/command.ts')).cluster(process.argv.slice(2));
  const mode = modeNamed(word);
  if (mode) {
    const { run } = await import('./commands/run.ts');
    return run(mode, args, process.env);
  }
  const { command } = await import('./commands/index.ts');
  return command(word, args, process.env);
}

/** Whether a symbolic link of this name was called. */
const isCalled = (name: string): boolean => process.argv0.endsWith(name);

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  async (error: unknown) => {
    const { reportBug } = await import('./commands/bug.ts');
    process.exit(reportBug(error));
  },
);
