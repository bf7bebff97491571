/** The words of findings: quoted values and guesses at what a misspelt word means. */
import leven from 'leven';

const longest = 60;

/** A value from the file in quotes, on one line, cut when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** Words for people: "a, b or c". */
export function either(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${last}` : last;
}

/** Above this many candidates no guess is made, so that thousands of wrong words cost no time. */
const mostCandidates = 300;

/**
 * The candidate that a misspelt word must mean: at most a third of its letters are wrong, never more
 * than two, or two have changed places; and no other candidate is as near. Upper case, `-` and `_`
 * are not looked at.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length > mostCandidates) return undefined;
  const bare = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '');
  const sorted = (text: string) => [...bare(text)].sort().join('');
  const near = candidates
    .map((candidate) => ({ candidate, off: leven(bare(word), bare(candidate)) }))
    .filter(({ candidate, off }) => {
      const most = sorted(word) === sorted(candidate) ? 2 : Math.min(2, Math.floor(candidate.length / 3));
      return off <= most;
    })
    .sort((a, b) => a.off - b.off);
  const [first, second] = near;
  return first && first.off !== second?.off ? first.candidate : undefined;
}

/** `; did you mean X?`, or nothing. */
export function guess(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}
