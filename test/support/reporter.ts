/** Tells at the end what was left out and for want of what, and closes with one plain line of counts. */
import type { Reporter, TestModule } from 'vitest/node';

export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const leftOut = new Map<string, number>();
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        const want = /\[needs (.*)\]$/.exec(test.name)?.[1];
        if (state === 'skipped') {
          const why = want ?? 'another test of its file';
          leftOut.set(why, (leftOut.get(why) ?? 0) + 1);
        }
      }
    }
    for (const [want, tests] of leftOut) print(`Left out for want of ${want}: ${tests}`);
    print(`Tests: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
