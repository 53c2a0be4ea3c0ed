import assert from "node:assert/strict";
import { it } from "node:test";
import { parseLdd } from "./program.ts";

const OUTPUT = `	linux-vdso.so.1 (0x00007ffc0a5f2000)
	libpixman-1.so.0 => /lib/x86_64-linux-gnu/libpixman-1.so.0 (0x00007f17c49e0000)
	libgone.so.3 => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f17c4d71000)
	libpixman-1.so.0 => /lib/x86_64-linux-gnu/libpixman-1.so.0 (0x00007f17c49e0000)
`;

it("takes the paths out of ldd's output", () => {
  assert.deepEqual(parseLdd(OUTPUT), ["/lib/x86_64-linux-gnu/libpixman-1.so.0", "/lib64/ld-linux-x86-64.so.2"]);
  assert.deepEqual(parseLdd("\tstatically linked\n"), []);
});
