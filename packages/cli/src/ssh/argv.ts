// The command line of ssh. Nothing of the user's own ssh configuration takes part; the guest's host key was made on this host
// and is the only one accepted.

export interface SshTarget {
  readonly vmId: string;
  readonly vmName: string;
  readonly keyPath: string;
  readonly knownHostsFile: string;
  /** Touched by ssh once it is in. */
  readonly markerFile: string;
  /** Whether its instructions are emulated. */
  readonly isEmulated: boolean;
  /** Argv that bridges its stdin and stdout to the guest's sshd. */
  readonly proxy: readonly string[];
  /** `auto`: as ssh decides; `force`, `never`: -tt, -T. */
  readonly tty: "auto" | "force" | "never";
  /** One word is a line for the guest's shell, several are an argv. */
  readonly command: readonly string[];
}

export function sshArgv(target: SshTarget): readonly string[] {
  return [
    ...["-F", "none"],
    ...option("ProxyCommand", escapePercent(shellLine(target.proxy))),
    ...option("HostKeyAlias", target.vmId),
    ...option("UserKnownHostsFile", quoted(target.knownHostsFile)),
    ...option("GlobalKnownHostsFile", "/dev/null"),
    ...option("StrictHostKeyChecking", "yes"),
    ...option("UpdateHostKeys", "no"),
    ...option("IdentitiesOnly", "yes"),
    ...option("IdentityFile", quoted(target.keyPath)),
    ...option("PreferredAuthentications", "publickey"),
    ...(target.isEmulated ? option("KexAlgorithms", EMULATED_KEX) : []),
    ...option("PermitLocalCommand", "yes"),
    ...option("LocalCommand", escapePercent(shellLine(["touch", target.markerFile]))),
    ...option("SendEnv", "COLORTERM"),
    ...option("LogLevel", "ERROR"),
    ...{ auto: [], force: ["-tt"], never: ["-T"] }[target.tty],
    `root@${target.vmName}`,
    ...remoteCommand(target.command),
  ];
}

/**
 * Before what OpenSSH itself prefers: its post-quantum exchange takes an emulated guest a fifth of a login, and guards against
 * those who record a connection today. This one never leaves the host.
 */
const EMULATED_KEX = "^curve25519-sha256";

/** The line of a known_hosts file for this VM alone. */
export function knownHostsLine(vmId: string, hostKey: string): string {
  return `${vmId} ${hostKey.trim()}\n`;
}

function option(name: string, value: string): readonly string[] {
  return ["-o", `${name}=${value}`];
}

/** ssh splits file names at blanks and expands percent signs. */
function quoted(path: string): string {
  return `"${escapePercent(path)}"`;
}

function escapePercent(text: string): string {
  return text.replaceAll("%", "%%");
}

/** ssh joins its words with blanks and the guest's shell splits them again: quote them, so that argv arrives as argv. */
function remoteCommand(command: readonly string[]): readonly string[] {
  const [only, ...more] = command;
  if (only === undefined) return [];
  return ["--", more.length === 0 ? only : shellLine(command)];
}

/** A line that opens the user's shell in a directory, or where one begins when that has gone. */
export function shellIn(directory: string): string {
  return `${shellLine(["cd", directory])}; exec "$SHELL" -l`;
}

/** Words quoted for a POSIX shell. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}
