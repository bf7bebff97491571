/** How far something is that takes a while. */
import { megabytes } from '../space.ts';

/**
 * A line for a person: bytes done of those in total, the rate, and the time left.
 *
 * @param done in bytes
 * @param total about how many bytes there will be; what is beyond is told without it
 * @param seconds since the first byte
 */
export function progressLine(done: number, total: number, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${megabytes(rate)}/s`;
  if (done >= total || rate === 0) return `${megabytes(done)}, ${speed}`;
  return `${megabytes(done)} of about ${megabytes(total)}, ${speed}, ${timeText((total - done) / rate)} left`;
}

/** A time for people, in seconds or minutes. */
const timeText = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

/** Calls `tell` with what the given function gives, now and then only. */
export function nowAndThen(tell: (line: string) => void, everyMs = 1_000): (line: () => string) => void {
  let last = performance.now();
  return (line) => {
    const now = performance.now();
    if (now - last < everyMs) return;
    last = now;
    tell(line());
  };
}
