// File names as bytes are the API's: the daemon checks the guest's by the same rules.
export { bytesOf, leadingOut, nameOfBytes, nameOfText, shownName, splitNul, unsafeReason, type FileName } from "@banger/api";
