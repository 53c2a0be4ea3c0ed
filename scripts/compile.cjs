// Makes the code cache of a bundle: node compile.cjs BUNDLE CACHE [ARGUMENT...]. Runs the program with the arguments, which
// must have no effect but output, because V8 puts into the cache what has been compiled, and compiles what is called.
"use strict";
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const { dirname } = require("node:path");
const { Script, constants } = require("node:vm");

const [filename, cache, ...args] = process.argv.slice(2);
// As in loader.cjs: V8 takes a cache only for a source of the same length.
const source = `(function (require, module, __filename, __dirname) {${readFileSync(filename, "latin1")}\n})`;
const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const script = new Script(source, { filename, importModuleDynamically });

process.once("exit", () => {
  const cachedData = script.createCachedData();
  if (new Script(source, { filename, importModuleDynamically, cachedData }).cachedDataRejected)
    throw new Error(`V8 rejects the cache of ${filename}`);
  writeFileSync(`${cache}.new`, cachedData, { mode: 0o644 });
  renameSync(`${cache}.new`, cache);
});
process.argv.splice(1, Infinity, filename, ...args);
script.runInThisContext()(require, module, filename, dirname(filename));
