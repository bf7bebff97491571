/** What bash makes of files that set variables. */
import { spawnSync } from 'node:child_process';

/** A variable's value: a text, or the words of an array. */
export type BashValue = string | readonly string[];

// Each file is read in a shell of its own, which has no variable but those of the file.
const script = `
count=$1; shift
files=("\${@:1:count}"); shift "$count"
for file in "\${files[@]}"; do (
  . "$file"
  printf 'file\\0'
  for name; do
    declare -n value=$name
    if [[ \${value@a} == *a* ]]; then
      printf '%s\\0' array "\${#value[@]}"
      (( \${#value[@]} )) && printf '%s\\0' "\${value[@]}"
    else
      printf '%s\\0' text "\${value-}"
    fi
  done
) done; :
`;

/** Has bash read files, as by \`. FILE\`; for each, the values of the named variables. */
export function readWithBash(
  files: readonly string[],
  names: readonly string[],
  directory: string,
): readonly Readonly<Record<string, BashValue>>[] {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['--noprofile', '--norc', '-c', script, 'bash', String(files.length), ...files, ...names],
    { env: { PATH: process.env['PATH'] }, cwd: directory, encoding: 'utf8' },
  );
  if (status !== 0 || stderr) throw new Error(`bash: ${status}: ${stderr}`);
  const fields = stdout.split('\0');
  return files.map(() => {
    if (fields.shift() !== 'file') throw new Error(`bash has left off: ${stdout}`);
    return Object.fromEntries(
      names.map((name) => {
        if (fields.shift() === 'text') return [name, fields.shift() ?? ''];
        return [name, fields.splice(0, Number(fields.shift()))];
      }),
    );
  });
}
