/** INI files, as far as uwsgi and grafana agree on them: sections, keys with values, and lines of comment. */

/** A key of an INI file. */
export interface IniEntry {
  /** Empty before the first section. */
  readonly section: string;
  readonly key: string;
  /** Without blanks around it; empty where a key stands alone. */
  readonly value: string;
}

/**
 * Every key of a text, in its order, as often as it stands there.
 *
 * @param between what stands between a key and its value
 */
export function readIni(text: string, between = /=/): IniEntry[] {
  let section = '';
  return text.split('\n').flatMap((line): IniEntry[] => {
    const words = line.trim();
    if (words === '' || words.startsWith(';') || words.startsWith('#')) return [];
    const [, heading] = /^\[(.*)\]$/.exec(words) ?? [];
    if (heading !== undefined) {
      section = heading.trim();
      return [];
    }
    const equals = words.search(between);
    if (equals < 0) return [{ section, key: words, value: '' }];
    return [{ section, key: words.slice(0, equals).trim(), value: words.slice(equals + 1).trim() }];
  });
}
