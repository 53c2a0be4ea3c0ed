// Lines at the end of a terminal that are drawn again while time passes, and are gone when it is over.
import { createLogUpdate } from "log-update";

export interface Region {
  /** Has `print` write lines that stay, above the others. */
  keep(print: () => void): void;
  redraw(): void;
  close(): void;
}

const REDRAW_MS = 200;

/** `lines` says what is to be seen at the moment; the terminal must have a size. */
export function openRegion(terminal: NodeJS.WritableStream, lines: () => readonly string[]): Region {
  // The cursor stays: a process that is killed could not bring it back.
  const region = createLogUpdate(terminal, { showCursor: true });
  const redraw = () => {
    const current = lines();
    if (current.length > 0) region(current.join("\n"));
  };
  // Elapsed times go on while nothing happens.
  const timer = setInterval(redraw, REDRAW_MS);
  timer.unref();
  return {
    keep(print) {
      region.clear();
      print();
      redraw();
    },
    redraw,
    close() {
      clearInterval(timer);
      region.clear();
    },
  };
}
