// What a command told of one of its stages, read from its plain progress lines.

/** Milliseconds, of a line such as `✓ copy  10000 files, 95.4 MiB  32.8s` or `✓ copy  1m 04s`. */
export function stageMs(stderr: string, stage: string): number {
  const found = new RegExp(`^✓ ${stage}  .*?(?:(\\d+)m )?([\\d.]+)s$`, "m").exec(stderr);
  if (found === null) throw new Error(`no stage ${stage} in: ${stderr}`);
  return (Number(found[1] ?? 0) * 60 + Number(found[2])) * 1000;
}
