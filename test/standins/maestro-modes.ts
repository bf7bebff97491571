/** What the stand-ins for maestro and maestro_ctrl are told to do wrong. */
import { readFileSync } from 'node:fs';
import { Ending } from './maestro-args.ts';

/**
 * The modes that STANDIN_`name` lists, joined by commas. Where the file that STANDIN_`name`_FILE
 * names exists, its content counts in place of that: so a test can change the mode of a program
 * whose environment is settled. An empty file asks for nothing.
 *
 * @param known what there is; a mode that does not match ends the program with 70
 */
export function readModes(name: string, known: RegExp): readonly string[] {
  const text = contentOf(process.env[`STANDIN_${name}_FILE`]) ?? process.env[`STANDIN_${name}`] ?? '';
  const modes = text
    .split(',')
    .map((mode) => mode.trim())
    .filter(Boolean);
  const stranger = modes.find((mode) => !known.test(mode));
  if (stranger !== undefined) throw new Ending(70, `STANDIN_${name}: there is no mode '${stranger}'`);
  return modes;
}

function contentOf(file: string | undefined): string | undefined {
  try {
    return file ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

/** The numbers in the first mode that matches, or undefined if none does. */
export function numbersOf(modes: readonly string[], mode: RegExp): readonly number[] | undefined {
  const found = modes.map((text) => mode.exec(text)).find((match) => match !== null);
  return found?.slice(1).map(Number);
}
