// OpenSSH's own private key format, written without ssh-keygen so that no key text touches a file it should not.
// Format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key; ed25519 blobs: RFC 8709, strings: RFC 4251.
import { generateKeyPairSync } from "node:crypto";

const MAGIC = Buffer.from("openssh-key-v1\0");
const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const TYPE = "ssh-ed25519";

export interface SshKeyPair {
  /** PEM text in OpenSSH's format, unencrypted, ending with a newline. Secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 BASE64 COMMENT`, one line without newline. */
  readonly publicKey: string;
}

/** A fresh ed25519 key. `comment` must be one line. */
export function generateSshKey(comment: string): SshKeyPair {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  if (d === undefined || x === undefined) throw new Error("an ed25519 key without its numbers");
  const seed = Buffer.from(d, "base64url");
  const point = Buffer.from(x, "base64url");
  const blob = Buffer.concat([sshString(TYPE), sshString(point)]);
  return {
    privateKey: encodePrivateKey({ seed, point, blob, comment }),
    publicKey: `${TYPE} ${blob.toString("base64")} ${comment}`,
  };
}

interface KeyParts {
  readonly seed: Buffer;
  readonly point: Buffer;
  readonly blob: Buffer;
  readonly comment: string;
}

function encodePrivateKey({ seed, point, blob, comment }: KeyParts): string {
  // Two equal numbers let a reader of an encrypted key see that it decrypted well; this key is not encrypted, any will do.
  const check = point.subarray(0, 4);
  const secret = Buffer.concat([
    check,
    check,
    sshString(TYPE),
    sshString(point),
    sshString(Buffer.concat([seed, point])),
    sshString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const body = Buffer.concat([
    MAGIC,
    sshString("none"),
    sshString("none"),
    sshString(""),
    uint32(1),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString("base64").match(/.{1,70}/g) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function sshString(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
