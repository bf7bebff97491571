/** The order in which findings are told. */
import type { Finding, Position } from './model.ts';

/** Compares by position in the file. */
export const byPlace = (a: Position, b: Position): number => a.line - b.line || a.column - b.column;

/** A finding at a place. */
export const findingAt = ({ line, column }: Position, text: string): Finding => ({ line, column, text });
