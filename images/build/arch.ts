/** The architectures that images are built for, under the names that OCI has for them. */
export const arches = ['amd64', 'arm64'] as const;
export type Arch = (typeof arches)[number];

/** Their numbers in an ELF header (elf(5), `e_machine`). */
export const elfMachines: Readonly<Record<Arch, number>> = { amd64: 62, arm64: 183 };

/** This machine's; undefined for one that images are not built for. */
export const hostArch = (): Arch | undefined =>
  (({ x64: 'amd64', arm64: 'arm64' }) as const)[process.arch as string as 'x64' | 'arm64'];
