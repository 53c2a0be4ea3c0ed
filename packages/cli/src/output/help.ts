// `--help`: of a command what stricli makes of it, of a noun its verbs, of banger the way in.
import type { ApplicationContext, Command, RouteMap, StricliIntegration } from "@stricli/core";
import type { CommandHost } from "../command.ts";
import { flagCell, flagRows } from "./flag-lines.ts";

type Target = Command<CommandHost> | RouteMap<CommandHost>;

export const help: StricliIntegration<CommandHost> = {
  flag: {
    brief: "Show this help",
    aliases: ["h"],
    global: true,
    complete: true,
    defaultForRouteMap: true,
    run(this: ApplicationContext, _app, { result, text, additionalFlags }) {
      const { target, prefix } = result as { readonly target: Target; readonly prefix: readonly string[] };
      if ("getAllEntries" in target) {
        this.process.stdout.write(prefix.length === 1 ? rootHelp(target) : nounHelp(target, prefix));
        return;
      }
      const aliases = result.aliases["convert-camel-to-kebab"];
      const config = { useAliasInUsageLine: false, onlyRequiredInUsageLine: false, caseStyle: "convert-camel-to-kebab" } as const;
      const stricliHelp = target.formatHelp({
        prefix,
        text,
        additionalFlags,
        aliases,
        config,
        includeArgumentEscapeSequenceFlag: false,
        includeHidden: false,
        ansiColor: false,
      });
      this.process.stdout.write(stricliHelp.replace(FLAGS_BLOCK, () => flagsBlock(target, additionalFlags)));
    },
  },
};

function rootHelp(root: RouteMap<CommandHost>): string {
  const nouns = visible(root);
  return `${root.brief}

USAGE
  banger NOUN VERB [FLAGS]

EXAMPLES
  banger vm run                       a shell in a fresh VM
  banger vm run ./api -- make test    your repository copied into one, a command run in it
  banger vm run --rm -- uname -a      one command, nothing left behind
  banger vm list                      the VMs that are there
  banger vm ssh sandbox               back into one

COMMANDS
${columns(nouns.map(({ name, target }) => [verbsOf(name, target), target.brief]))}

More on one: banger vm --help, banger vm run --help
`;
}

function nounHelp(noun: RouteMap<CommandHost>, prefix: readonly string[]): string {
  const verbs = visible(noun);
  const line = prefix.join(" ");
  return `${noun.brief}

USAGE
  ${line} VERB [FLAGS]

COMMANDS
${columns(verbs.map(({ name, aliases, target }) => [[name, ...aliases].join(", "), target.brief]))}

More on one: ${line} ${verbs[0]?.name ?? "VERB"} --help
`;
}

function verbsOf(name: string, target: Target): string {
  return "getAllEntries" in target
    ? `${name} ${visible(target)
        .map((verb) => verb.name)
        .join("|")}`
    : name;
}

function visible(map: RouteMap<CommandHost>) {
  return map
    .getAllEntries()
    .filter(({ hidden }) => !hidden)
    .map(({ name, aliases, target }) => ({ name: name["convert-camel-to-kebab"], aliases, target: target as Target }));
}

const FLAGS_BLOCK = /^FLAGS\n(?: .*\n)+/m;

/** Stricli's own has brackets around what may be left out, which all of it may, and leaves out what a value is. */
function flagsBlock(
  target: Command<CommandHost>,
  additional: readonly { readonly name: string; readonly brief: string; readonly aliases?: readonly string[] }[],
): string {
  const others = additional.map(({ name, brief, aliases = [] }) => [flagCell(aliases[0], name), brief] as const);
  return `FLAGS\n${columns([...flagRows(target.parameters), ...others], WIDE_FLAG)}\n`;
}

const WIDE = 24;
const WIDE_FLAG = 26;

/** Two columns; a first cell that is too wide has the second on the next line. */
function columns(rows: readonly (readonly [string, string])[], wide = WIDE): string {
  const width = Math.max(...rows.map(([first]) => first.length).filter((length) => length <= wide), 0);
  return rows
    .map(([first, second]) =>
      first.length > width ? `  ${first}\n  ${" ".repeat(width)}  ${second}` : `  ${first.padEnd(width)}  ${second}`,
    )
    .join("\n");
}
