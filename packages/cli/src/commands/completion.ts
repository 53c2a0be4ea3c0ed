import { command } from "../command.ts";
import { usageError, type CliContext } from "../context.ts";

const SCRIPTS = {
  bash: `_banger() {
  local IFS=$'\\n'
  COMPREPLY=($(banger __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${COMPREPLY[0]} == *: ]] && compopt -o nospace
}
complete -o default -F _banger banger
`,
  zsh: `#compdef banger
_banger() {
  local -a found
  found=("\${(@f)$(banger __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- "\${(@M)found:#*:}"
  compadd -- "\${(@)found:#*:}"
}
compdef _banger banger
`,
} as const;
type Shell = keyof typeof SCRIPTS;

export const completion = command({
  brief: "Print a completion script for a shell",
  description: "Prints a script that completes commands, flags and names of VMs.",
  usage: ["bash|zsh"],
  examples: [
    ["source <(banger completion bash)", "in ~/.bashrc"],
    ["source <(banger completion zsh)", "in ~/.zshrc, after compinit"],
  ],
  parameters: { positional: { kind: "tuple", parameters: [{ parse: parseShell, brief: "bash or zsh", placeholder: "SHELL" }] } },
  async run({ output }: CliContext, _flags: object, shell: Shell) {
    await output.result(SCRIPTS[shell]);
  },
});

function parseShell(text: string): Shell {
  if (Object.hasOwn(SCRIPTS, text)) return text as Shell;
  const shells = Object.keys(SCRIPTS);
  throw usageError(
    `${JSON.stringify(text)} is no shell that banger completes in: ${shells.join(", ")}`,
    `banger completion ${shells[0] ?? ""}`,
  );
}
