// Starts the bundle beside it from code that was compiled when banger was built: compiling is a quarter of what a short
// command takes. A cache that this Node does not take is ignored by V8, and the bundle compiled as usual.
"use strict";
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const filename = `${__dirname}/@PROGRAM@.bundle.cjs`;
const script = new Script(`(function (require, module, __filename, __dirname) {${readFileSync(filename, "latin1")}\n})`, {
  filename,
  cachedData: readFileSync(`${__dirname}/@PROGRAM@.cache`),
});
script.runInThisContext()(require, module, filename, __dirname);
