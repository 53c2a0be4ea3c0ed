// The daemon's log: one JSON line an event on standard output, which whoever started it has pointed at the log file. A line
// that finds no room there is lost; the daemon goes on.
import { renameSync, statSync, writeSync } from "node:fs";
import { pino } from "pino";

export type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

const LOG_CAP = 16 * 1024 * 1024;

export function createLog(): Log {
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: ["hostKey", "*.hostKey", "privateKey", "*.privateKey"] },
    { write: writeLine },
  );
  return (fields, message) => logger.info(fields, message);
}

function writeLine(line: string): void {
  try {
    writeSync(1, line);
  } catch {
    // On a full disk nobody can be told, and a daemon that ended for it could not be asked to make room.
  }
}

/** Moves a log that has grown past its cap aside; the next daemon's starter opens a fresh one. */
export function rotateLog(file: string): void {
  try {
    if (statSync(file).size > LOG_CAP) renameSync(file, `${file}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
