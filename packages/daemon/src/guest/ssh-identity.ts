// Who is who over ssh: a host key made on the host for each VM (so it is known before the first connection), and the key
// the owner logs in with, either banger's own or one named in the config.
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { writeFileAtomic } from "@banger/host";
import { generateSshKey, publicKeyOf, type SshKeyPair } from "./openssh-key.ts";

/** One line of a public key file: type, base64, and perhaps a comment. */
const PUBLIC_KEY = /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{32,}={0,3}(?: [^\r\n]*)?$/;
const OWN_KEY_NAME = "id_ed25519";

export interface ClientKey {
  /** Absolute path of the private key, for `ssh -i`. */
  readonly path: string;
  /** One line for authorized_keys. */
  readonly publicKey: string;
}

/** A host key for one VM. It is only ever handed to the guest through `configure`; who keeps it keeps a secret. */
export function makeHostKey(vmName: string): SshKeyPair {
  return generateSshKey(`banger host key of ${vmName}`);
}

/** The owner's key: the one `sshKeyPath` names, else banger's own in `ownDir`, made when missing. */
export function clientKey(options: { readonly sshKeyPath: string | null; readonly ownDir: string }): Promise<ClientKey> {
  return options.sshKeyPath === null ? ownClientKey(options.ownDir) : configuredClientKey(options.sshKeyPath);
}

/** banger's own key in `directory` (made with mode 0700), file `id_ed25519` with mode 0600 and its `.pub`. */
export async function ownClientKey(directory: string): Promise<ClientKey> {
  const path = join(directory, OWN_KEY_NAME);
  const existing = await readIfThere(path);
  if (existing === undefined) return makeClientKey(directory, path);
  const publicKey = publicKeyOf(existing);
  if (publicKey === undefined) {
    throw new BangerError("state.not_writable", `${path} is not an OpenSSH private key`, {
      hint: `rm ${path}, and banger makes a new one`,
    });
  }
  // ssh ignores a key that others may read.
  await chmod(path, 0o600);
  return { path, publicKey: `${publicKey} banger` };
}

/** The key at `path` (config `ssh_key_path`): its `.pub` is read, or the public part of the key itself. Throws `config.invalid`. */
export async function configuredClientKey(path: string): Promise<ClientKey> {
  const invalid = (message: string, hint: string) => new BangerError("config.invalid", `ssh_key_path: ${message}`, { hint });
  if (path.endsWith(".pub")) throw invalid(`${path} is a public key`, `name the private key: ${path.slice(0, -4)}`);
  const privateKey = await readIfThere(path);
  const publicFile = await readIfThere(`${path}.pub`);
  if (privateKey === undefined && publicFile === undefined) throw invalid(`${path} does not exist`, `ssh-keygen -t ed25519 -f ${path}`);
  const publicKey = publicFile?.trim() ?? publicKeyOf(privateKey ?? "");
  const remake = `ssh-keygen -y -f ${path} > ${path}.pub`;
  if (publicKey === undefined) throw invalid(`${path}.pub does not exist`, remake);
  if (!PUBLIC_KEY.test(publicKey)) throw invalid(`${path}.pub does not hold one public key`, remake);
  return { path, publicKey };
}

async function makeClientKey(directory: string, path: string): Promise<ClientKey> {
  const key = generateSshKey("banger");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The private key comes last: it decides that the pair is there.
  await writeFileAtomic(`${path}.pub`, `${key.publicKey}\n`, 0o644);
  await writeFileAtomic(path, key.privateKey, 0o600);
  return { path, publicKey: key.publicKey };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BangerError("config.invalid", `${path} cannot be read (${code ?? (error as Error).message})`, { cause: error });
  }
}
