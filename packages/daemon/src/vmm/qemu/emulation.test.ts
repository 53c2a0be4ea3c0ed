import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emulation } from "./emulation.ts";

const text = (vcpu: number, version: string) => emulation({ vcpu, version }).join(" ");

describe("how QEMU emulates processors", () => {
  it("gives several CPUs one thread, whatever the version: with a thread each, guests that patch themselves hang", () => {
    for (const version of ["6.2.0", "7.2.22", "8.2.2", "10.0.2"]) {
      assert.match(text(2, version), /tcg,thread=single,/, version);
      assert.match(text(1, version), /tcg,thread=multi,/, version);
    }
  });

  it("withholds ERMS where it is slow, and only there: newer ones do not boot without", () => {
    assert.match(text(1, "7.2.22"), /-cpu max,erms=off$/);
    assert.match(text(1, "8.2.2"), /-cpu max$/);
    assert.match(text(1, "10.0.2"), /-cpu max$/);
  });
});
