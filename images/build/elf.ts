/** 64-bit little-endian ELF programs, as elf(5) has them: no more than what sealing one asks for. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** A part of the file that is mapped into memory (PT_LOAD), in bytes. */
export interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly writable: boolean;
  /** The largest page that the program was linked for. */
  readonly align: number;
  /** Where in the file its own header is. */
  readonly headerAt: number;
}

/** What an ELF program's headers tell. */
export interface Elf {
  /** `e_machine`. */
  readonly machine: number;
  /** In ascending order of addresses. */
  readonly segments: readonly Segment[];
}

const PT_LOAD = 1;
const PF_W = 2;
const memorySizeAt = 40;

/** Reads a program's headers. */
export function readElf(program: string): Elf {
  const file = openSync(program, 'r');
  try {
    const header = bytes(file, 0, 64);
    const size = header.readUInt16LE(54);
    const all = Array.from({ length: header.readUInt16LE(56) }, (_, i) => whole(header, 32) + i * size);
    const loaded = all
      .map((headerAt) => ({ headerAt, entry: bytes(file, headerAt, size) }))
      .filter(({ entry }) => entry.readUInt32LE(0) === PT_LOAD);
    return {
      machine: header.readUInt16LE(18),
      segments: loaded.map(({ headerAt, entry }) => ({
        offset: whole(entry, 8),
        address: whole(entry, 16),
        fileSize: whole(entry, 32),
        memorySize: whole(entry, memorySizeAt),
        writable: (entry.readUInt32LE(4) & PF_W) !== 0,
        align: whole(entry, 48),
        headerAt,
      })),
    };
  } finally {
    closeSync(file);
  }
}

/**
 * Has a program's last segment, its data, end where a page ends.
 *
 * What `node --build-sea` adds, it puts behind the data at the next multiple of 4096, and read-only.
 * Programs for arm64 are linked for pages of up to 64 KiB, and kernels that have such pages (the 64k
 * variants of RHEL and Ubuntu) map whole pages: the end of the data would become read-only, and the
 * program crash at its first write there (https://github.com/lief-project/LIEF/issues/1366 is of that
 * kind). With the data's last page taken up, what is added gets pages of its own.
 */
export function endOnPage(program: string): void {
  const data = readElf(program).segments.at(-1);
  if (!data) throw new Error(`${program} has no segments`);
  const end = Math.ceil((data.address + data.memorySize) / data.align) * data.align;
  const memorySize = Buffer.alloc(8);
  memorySize.writeBigUInt64LE(BigInt(end - data.address));
  const file = openSync(program, 'r+');
  writeSync(file, memorySize, 0, memorySize.length, data.headerAt + memorySizeAt);
  closeSync(file);
}

function bytes(file: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  readSync(file, buffer, 0, length, from);
  return buffer;
}

const whole = (buffer: Buffer, at: number): number => Number(buffer.readBigUInt64LE(at));
