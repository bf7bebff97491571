/**
 * dsosd.conf: the hosts whose dsosd is asked, one per line.
 *
 * libdsos takes every line for a host name as it is, with blanks, comments and carriage returns, and
 * ends the process that reads the file, a worker of uwsgi's, if one of them cannot be reached; it keeps
 * the answers of 16 hosts, whatever their number (ovis-hpc/sos dsos.c: dsos_session_open; dsos.h:
 * dsos_result_s). So the file is checked before.
 */

/** What a file says. */
export interface DsosdConf {
  readonly hosts: readonly string[];
  readonly mistakes: readonly { readonly line: number; readonly text: string }[];
  /** What may work all the same. */
  readonly warnings: readonly string[];
}

const mostHosts = 16;
// fgets(3) into a buffer of 256 bytes cuts what is longer.
const longest = 254;

/** Reads the text of a dsosd.conf. */
export function readDsosdConf(text: string): DsosdConf {
  const lines = text.replace(/\n$/, '').split('\n');
  const first = new Map<string, number>();
  const mistakes = lines.flatMap((content, at) => {
    const line = at + 1;
    const wrong = whyNoHost(content);
    if (wrong !== undefined) return [{ line, text: wrong }];
    const before = first.get(content);
    first.set(content, before ?? line);
    return before === undefined
      ? []
      : [{ line, text: `${content} stands in line ${before} already; take it away` }];
  });
  const tooMany = `it names ${first.size} hosts, and libdsos has room for the answers of ${mostHosts}`;
  return { hosts: [...first.keys()], mistakes, warnings: first.size > mostHosts ? [tooMany] : [] };
}

/** Why a line is no host's name or address, or undefined if it may be one. */
function whyNoHost(line: string): string | undefined {
  const words = line.trim();
  const quoted = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}...` : line);
  if (line.startsWith('\ufeff')) return 'a byte order mark at its beginning; save the file without it';
  if (words === '') return 'a blank line, which libdsos takes for a host without a name; take it away';
  if (words.startsWith('#')) return `${quoted} is no comment to libdsos but a host's name; take it away`;
  if (line.endsWith('\r')) return 'a carriage return at its end (a DOS file): dos2unix dsosd.conf';
  if (line !== words) {
    return `${quoted} has blanks around the name, which libdsos takes for a part of it; take them away`;
  }
  if (words.includes('#'))
    return `${quoted} has a comment, which libdsos takes for a part of the name; take it away`;
  if (/^(?:[^:]+|\[.*\]):\d+$/.test(words))
    return `${quoted} has a port; libdsos asks rpcbind for that, so take it away`;
  if (words.includes('['))
    return `${quoted} is a list, which libdsos takes for one name; write each host into a line of its own`;
  if (/[\s,;]/.test(words)) return `${quoted} is more than one host; write each into a line of its own`;
  if (!/^[\w.:%-]+$/.test(words)) return `${quoted} is neither a host's name nor its address`;
  return line.length > longest ? `${quoted} is longer than any host's name` : undefined;
}
