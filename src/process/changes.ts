/** Waiting for processes to end: woken by SIGCHLD, and not by a clock. */

/** Told of every change among our children; wakes who waits for one. */
export interface Changes {
  /** Something has changed. */
  happened(): void;
  /**
   * Waits until a condition holds.
   *
   * @param limitMs how long at the most
   * @param stop ends the wait at once
   */
  until(condition: () => boolean, limitMs: number, stop: AbortSignal): Promise<void>;
}

// A process that is not our own child ends without a SIGCHLD to us.
const lookAgainMs = 20;

/** Makes one. */
export function watchChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    happened: () => {
      for (const look of waiting) look();
    },
    until: (condition, limitMs, stop) =>
      new Promise((resolve) => {
        const last = Date.now() + limitMs;
        let again: NodeJS.Timeout | undefined;
        let planned = false;
        let done = false;
        const look = () => {
          planned = false;
          if (done) return;
          const isOver = stop.aborted || condition() || Date.now() >= last;
          clearTimeout(again);
          if (!isOver) {
            again = setTimeout(look, Math.min(lookAgainMs, Math.max(0, last - Date.now())));
            return;
          }
          done = true;
          waiting.delete(soon);
          stop.removeEventListener('abort', look);
          resolve();
        };
        // Hundreds may end at once, and to look is to read /proc: once for all of them.
        const soon = () => {
          if (!planned) setImmediate(look);
          planned = true;
        };
        waiting.add(soon);
        stop.addEventListener('abort', look);
        look();
      }),
  };
}
