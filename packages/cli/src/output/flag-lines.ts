// The flags of a command as its help shows them: in the declared order, each as it is typed.
import type { Command } from "@stricli/core";
import type { CommandHost } from "../command.ts";

type Parameters = Command<CommandHost>["parameters"];
type Flag = NonNullable<Parameters["flags"]>[string];

/** `-p, --publish [ADDR:]HOST:GUEST` and what it is for. */
export function flagRows({ flags = {}, aliases = {} }: Parameters): readonly (readonly [typed: string, brief: string])[] {
  const letters = new Map(Object.entries(aliases).map(([letter, name]) => [name, letter]));
  return Object.entries(flags).map(([name, flag]) => {
    const value = valueOf(flag);
    return [flagCell(letters.get(name), kebab(name)) + (value === "" ? "" : ` ${value}`), flag.brief];
  });
}

/** Long names stand below each other, whether or not there is a letter. */
export function flagCell(letter: string | undefined, name: string): string {
  return `${letter === undefined ? "   " : `-${letter},`} --${name}`;
}

function valueOf(flag: Flag): string {
  switch (flag.kind) {
    case "boolean":
    case "counter":
      return "";
    case "enum":
      return flag.placeholder ?? flag.values.join("|");
    case "parsed":
      return flag.placeholder ?? "VALUE";
  }
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
