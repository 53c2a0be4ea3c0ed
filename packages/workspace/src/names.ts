// File names as bytes are the API's: the daemon checks the guest's by the same rules.
export { bytesOf, nameOfBytes, nameOfText, shownName, splitNul, unsafeReason, type FileName } from "@banger/api";
