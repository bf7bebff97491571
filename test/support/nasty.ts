/** Values that a shell, pdsh or systemd would change if they were not quoted. */
import type { Site } from '../../src/cluster/site.ts';

/** Words for a daemon. */
const nastyWords = [
  "it's",
  '"twice" \'quoted\'',
  'a  b',
  '$HOME ${HOME} $$ $(id) `id`',
  '100% %h %n %u %%',
  'back\\slash\\',
  '#no comment',
  '* ? [a-z] ~ ! & ; | < > ( )',
  '',
  'two\nlines',
  'grün',
];

const nastySite: Partial<Site> = {
  sampOptions: nastyWords,
  aggOptions: nastyWords,
  mungeKey: "/etc/my keys/$HOME's 100% #key",
};

/** Sites, by what is said of them: an ordinary one, and those that have such words and paths wherever they may. */
export const nastySites: Readonly<Record<string, Partial<Site>>> = {
  'as it is': {},
  'with all privileges and nasty values': { ...nastySite, privileged: true },
  'with nasty values': nastySite,
  'with its files elsewhere': { ...nastySite, files: "/srv/ldms $HOME's" },
};
