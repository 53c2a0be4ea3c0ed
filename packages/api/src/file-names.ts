// File names are bytes. They are carried as strings of one character a byte (latin1), so that they can be compared, sorted as
// git sorts them and used as keys without losing what is not UTF-8.

declare const brand: unique symbol;
/** A path relative to the top of a work tree, `/` between its parts, one character a byte. */
export type FileName = string & { readonly [brand]: "FileName" };

export function nameOfBytes(bytes: Uint8Array): FileName {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as FileName;
}

export function nameOfText(text: string): FileName {
  return nameOfBytes(Buffer.from(text, "utf8"));
}

export function bytesOf(name: string): Buffer {
  return Buffer.from(name, "latin1");
}

/** The NUL-terminated names of a git answer. */
export function splitNul(bytes: Uint8Array): readonly FileName[] {
  const text = nameOfBytes(bytes);
  return text === "" ? [] : (text.replace(/\0$/, "").split("\0") as FileName[]);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
/** Controls, and the marks that make a line read as something else. */
const UNSHOWABLE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069"\\]/gu;

/** The name for people: as it is where that is safe on a terminal, else quoted in the manner of git and C. */
export function shownName(name: FileName): string {
  const bytes = bytesOf(name);
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return `"${name.replaceAll(/[^ !#-[\]-~]/g, octal)}"`;
  }
  const escaped = text.replaceAll(UNSHOWABLE, (mark) =>
    [...Buffer.from(mark, "utf8")].map((byte) => octal(String.fromCharCode(byte))).join(""),
  );
  return escaped === text ? text : `"${escaped}"`;
}

/** Why a name that a guest gave must not be used in a repository of the host; undefined when it may. */
export function unsafeReason(name: FileName): string | undefined {
  return leadingOut(name) ?? (isInGitDirectory(name) ? "it is in a .git directory" : undefined);
}

/** Why a name must not be used below a directory; undefined when it may. */
export function leadingOut(name: FileName): string | undefined {
  if (name === "") return "it is empty";
  if (name.startsWith("/")) return "it is absolute";
  if (name.includes("\0")) return "it holds a NUL";
  if (name.length > MAX_NAME) return `it is longer than ${MAX_NAME} bytes`;
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(name)) return "it leaves its directory";
  return undefined;
}

const MAX_NAME = 4096;

const GIT_DIRECTORY = /(?:^|\/)(?:\.git|git~\d+)[. ]*(?::[^/]*)?(?:\/|$)/i;

/** Has a part that some file system takes for `.git`: other case, the short name of Windows, marks that HFS+ leaves out. */
function isInGitDirectory(name: FileName): boolean {
  if (!/[\u0080-\u00ff]/.test(name)) return GIT_DIRECTORY.test(name);
  const text = bytesOf(name)
    .toString("utf8")
    .replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "");
  return GIT_DIRECTORY.test(text);
}

function octal(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === '"' || character === "\\") return `\\${character}`;
  return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
}
